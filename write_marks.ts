/**
 * Who wrote a file last, told by its time. What ecrin writes has a time just after a whole second,
 * as one write of others in fifty has, and tells by how much how long before that another program
 * wrote the file. Where a file system keeps whole seconds only, all seems to be ecrin's.
 *
 * All times are in milliseconds since 1970.
 *
 * @module
 */

/** One step of the time since another program wrote, in milliseconds: half of it is the error. */
const step = 200;

/** The last step that is told. What was longer ago is forgotten, as no step at all. */
const steps = 20;

/** The time to give a file that ecrin writes at `now`, and whose time was `before`. */
export function markFor(before: number | undefined, now: number): number {
  const second = Math.ceil(now / 1000) * 1000;
  const foreign = before === undefined ? undefined : foreignWrite(before);
  const age = foreign === undefined ? steps : Math.round((second - foreign) / step);
  return age >= steps ? second : second + Math.max(age, 0) + 1;
}

/** When another program wrote the file that has this time; undefined when ecrin alone did of late. */
function foreignWrite(time: number): number | undefined {
  const mark = time % 1000;
  if (mark === 0) return undefined;
  return mark > steps ? time : time - mark - (mark - 1) * step;
}

/** Whether ecrin alone has written a file of that time of late. */
export function isQuiet(time: number): boolean {
  return foreignWrite(time) === undefined;
}

/** Whether another program has written a file of that time since `start`, to the step. */
export function isDisturbed(time: number, start: number): boolean {
  const foreign = foreignWrite(time);
  if (foreign === undefined) return false;
  return foreign > (foreign === time ? start : start + step / 2);
}
