// A recurrent layer written out: the state is concatenated with the input, and one matrix makes the next state of both.
import { cat, stack, type Tensor } from '@course/tensor';

/**
 * The states h_t = tanh(W [x_t; h_{t-1}] + b), [time, hidden], from inputs x [time, width] and a state of zeros.
 *
 * @param W [hidden, width + hidden].
 */
export function recurrence(x: Tensor, W: Tensor, b: Tensor): Tensor {
  let h = x.newFull([W.size(0)], 0);
  const states = x.unbind(0).map((input) => {
    h = W.matmul(cat([input, h]))
      .add(b)
      .tanh();
    return h;
  });
  return stack(states);
}
