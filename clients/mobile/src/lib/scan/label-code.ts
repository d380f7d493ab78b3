/** What tells a supplier's label from other codes before anybody reads it. */

/** Whether a code can only be a supplier's label: ISO/IEC 15434, an AIM identifier of GS1, or fields parted by GS. */
export function looksLikeLabel(code: string): boolean {
  return code.startsWith("[)>") || /^\](C1|d2|Q3|e0)/.test(code) || code.includes("\u001d") || /^\(01\)\d{14}/.test(code);
}
