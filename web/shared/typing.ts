/** Whether keys pressed in an element are text or a choice of its own. */
export function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  return target.matches("textarea, select, input:not([type=range], [type=checkbox], [type=radio])");
}
