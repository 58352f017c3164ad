//! What is different between two lists.

use std::collections::HashMap;
use std::hash::Hash;

/// A step from one list to the next. Steps are done one after the other; each counts in the list as it is then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListChange<T> {
    /// This goes.
    Remove {
        /// From where.
        at: usize,
    },
    /// This comes.
    Insert {
        /// To where.
        at: usize,
        /// What.
        item: T,
    },
    /// This is another one now, and stays where it is.
    Replace {
        /// Where.
        at: usize,
        /// What.
        item: T,
    },
}

/// The steps from `before` to `after`. `key` tells what is the same thing in both; no two in one list are.
pub fn diff<T: Clone + PartialEq, K: Eq + Hash>(
    before: &[T],
    after: &[T],
    key: impl Fn(&T) -> K,
) -> Vec<ListChange<T>> {
    let same = |(one, other): &(&T, &T)| one == other;
    let front = before.iter().zip(after).take_while(same).count();
    let (old, new) = (&before[front..], &after[front..]);
    let back = old
        .iter()
        .rev()
        .zip(new.iter().rev())
        .take_while(same)
        .count();
    let (old, new) = (&old[..old.len() - back], &new[..new.len() - back]);

    let places: HashMap<K, usize> = new
        .iter()
        .enumerate()
        .map(|(at, item)| (key(item), at))
        .collect();
    let targets: Vec<Option<usize>> = old
        .iter()
        .map(|item| places.get(&key(item)).copied())
        .collect();
    let stay = longest_rise(&targets);
    let mut changes = Vec::new();
    for at in (0..old.len()).rev() {
        if !stay[at] {
            changes.push(ListChange::Remove { at: front + at });
        }
    }
    let mut kept = (0..old.len()).filter(|at| stay[*at]).peekable();
    for (at, item) in new.iter().enumerate() {
        let is_here = kept
            .peek()
            .is_some_and(|old_at| targets[*old_at] == Some(at));
        if is_here {
            if let Some(old_at) = kept.next()
                && old[old_at] != *item
            {
                changes.push(ListChange::Replace {
                    at: front + at,
                    item: item.clone(),
                });
            }
        } else {
            changes.push(ListChange::Insert {
                at: front + at,
                item: item.clone(),
            });
        }
    }
    changes
}

/// Which of the places belong to a longest sequence that only rises: these need not move.
fn longest_rise(places: &[Option<usize>]) -> Vec<bool> {
    let mut ends: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = vec![None; places.len()];
    for (at, place) in places.iter().enumerate() {
        if place.is_none() {
            continue;
        }
        let length = ends.partition_point(|end| places[*end] < *place);
        before[at] = length.checked_sub(1).map(|last| ends[last]);
        if length == ends.len() {
            ends.push(at);
        } else {
            ends[length] = at;
        }
    }
    let mut stay = vec![false; places.len()];
    let mut next = ends.last().copied();
    while let Some(at) = next {
        stay[at] = true;
        next = before[at];
    }
    stay
}

/// Does the steps.
#[cfg(test)]
fn apply<T: Clone>(list: &mut Vec<T>, changes: &[ListChange<T>]) {
    for change in changes {
        match change.clone() {
            ListChange::Remove { at } => {
                list.remove(at);
            }
            ListChange::Insert { at, item } => list.insert(at, item),
            ListChange::Replace { at, item } => list[at] = item,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(before: &[(u8, u8)], after: &[(u8, u8)]) -> usize {
        let changes = diff(before, after, |item| item.0);
        let mut list = before.to_vec();
        apply(&mut list, &changes);
        assert_eq!(list, after);
        changes.len()
    }

    #[test]
    fn steps_lead_from_one_list_to_the_other() {
        let list: Vec<(u8, u8)> = (0..20).map(|at| (at, 0)).collect();
        assert_eq!(check(&list, &list), 0);
        assert_eq!(check(&[], &list), 20);
        assert_eq!(check(&list, &[]), 20);
        // The last one comes to the front.
        let mut moved = list.clone();
        let last = moved.pop().unwrap();
        moved.insert(0, last);
        assert_eq!(check(&list, &moved), 2);
        // One is another one.
        let mut changed = list.clone();
        changed[7].1 = 1;
        assert_eq!(check(&list, &changed), 1);
        // All of it at once.
        let mut mixed: Vec<(u8, u8)> = list
            .iter()
            .rev()
            .copied()
            .filter(|item| item.0 % 3 > 0)
            .collect();
        mixed[2].1 = 9;
        mixed.insert(5, (77, 0));
        check(&list, &mixed);
        check(&mixed, &list);
    }

    #[test]
    fn any_two_lists() {
        let mut state = 1u32;
        let mut random = move || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        let mut list = || {
            let mut seen = [false; 16];
            let mut list = Vec::new();
            for _ in 0..random() % 14 {
                let item = random() % 16;
                if !std::mem::replace(&mut seen[usize::from(item)], true) {
                    list.push((item, random() % 2));
                }
            }
            list
        };
        for _ in 0..2_000 {
            check(&list(), &list());
        }
    }
}
