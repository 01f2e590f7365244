// Numbers as people read them.

/** 12345.6 as "12,346". */
export function count(value: number): string {
  return Math.round(value).toLocaleString('en');
}

/** 1 as "1 text", 12345 as "12,345 texts". */
export function textCount(value: number): string {
  return `${count(value)} ${value === 1 ? 'text' : 'texts'}`;
}

/** 0.97123 as "97.1 %". */
export function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

/** 83.4 seconds as "1:23". */
export function clock(seconds: number): string {
  const whole = Math.round(seconds);
  const minutes = Math.floor(whole / 60);
  const rest = String(whole % 60).padStart(2, '0');
  return minutes < 60
    ? `${minutes}:${rest}`
    : `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, '0')}:${rest}`;
}
