// The page's side: runs the program on both devices and sends what came of it, or of its failure, to the server that the page came from.
import { program } from './program.js';

declare const location: { readonly href: string };

const answers: Record<string, unknown> = {
  isolated: (globalThis as { crossOriginIsolated?: boolean }).crossOriginIsolated,
};
try {
  for (const device of ['cpu', 'webgpu'] as const)
    answers[device] = await program(device, new URL('files', location.href).href);
} catch (error) {
  answers.error = error instanceof Error ? `${error.message}\n${error.stack}` : String(error);
}
await fetch('/answers', { method: 'POST', body: JSON.stringify(answers) });
