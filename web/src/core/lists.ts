// Lists that change by steps.
import type { Change } from './types';

/** The list after the steps, as a new one. */
export function apply<T>(list: readonly T[], changes: readonly Change<T>[]): T[] {
  const after = list.slice();
  for (const change of changes) {
    switch (change.type) {
      case 'remove':
        after.splice(change.at, 1);
        break;
      case 'insert':
        after.splice(change.at, 0, change.item);
        break;
      case 'replace':
        after[change.at] = change.item;
        break;
    }
  }
  return after;
}
