const DIGITS = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';

/** Longer texts are refused: the conversion costs the square of the length. */
const MAX_LENGTH = 4096;

/** Latin1 text in base58; leading NULs become leading `1`s. Null when it is longer than 4096 characters. */
export function encodeBase58(text: string): string | null {
  if (text.length > MAX_LENGTH) return null;
  const digits = convert(text, 256, 58, (c) => c);
  return leading(text, '\0', '1') + digits.map((digit) => DIGITS.charAt(digit)).join('');
}

/** Null when a character is no base58 digit. */
export function decodeBase58(text: string): string | null {
  if (text.length > MAX_LENGTH || !/^[1-9A-HJ-NP-Za-km-z]*$/.test(text)) return null;
  const bytes = convert(text, 58, 256, (c) => DIGITS.indexOf(String.fromCharCode(c)));
  return leading(text, '1', '\0') + String.fromCharCode(...bytes);
}

function leading(text: string, zero: string, other: string): string {
  let n = 0;
  while (n < text.length && text.charAt(n) === zero) n++;
  return other.repeat(n);
}

/** Digits of the same number in another base, most significant first, no leading zeros. */
function convert(text: string, base: number, toBase: number, valueOf: (c: number) => number): number[] {
  const digits: number[] = [];
  for (let i = 0; i < text.length; i++) {
    let carry = valueOf(text.charCodeAt(i));
    for (let k = 0; k < digits.length; k++) {
      carry += (digits[k] as number) * base;
      digits[k] = carry % toBase;
      carry = Math.floor(carry / toBase);
    }
    while (carry > 0) {
      digits.push(carry % toBase);
      carry = Math.floor(carry / toBase);
    }
  }
  return digits.reverse();
}
