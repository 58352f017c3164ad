//! Groups of the directory: departments and teams.

use std::sync::Arc;

use super::Refusal;

/// Longest name of a group, in bytes.
const LONGEST: usize = 256;
/// Groups of one person at most.
const MOST: usize = 200;

/// Names of groups as they are kept: trimmed, sorted, each once.
pub(super) fn checked(names: &[String]) -> Result<Vec<Arc<str>>, Refusal> {
    let mut groups: Vec<Arc<str>> = names.iter().map(|name| name.trim().into()).collect();
    groups.sort_unstable();
    groups.dedup();
    let usable = |name: &Arc<str>| {
        !name.is_empty() && name.len() <= LONGEST && !name.chars().any(char::is_control)
    };
    if groups.len() > MOST || !groups.iter().all(usable) {
        return Err(Refusal::GroupsUnusable {
            longest: LONGEST,
            most: MOST,
        });
    }
    Ok(groups)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_groups() {
        let names =
            |list: &[&str]| -> Vec<String> { list.iter().map(|name| (*name).to_owned()).collect() };
        let groups = checked(&names(&["sales", " board ", "sales"])).expect("groups");
        assert_eq!(groups, [Arc::from("board"), Arc::from("sales")]);
        assert_eq!(checked(&[]), Ok(Vec::new()));
        for bad in [
            names(&[" "]),
            names(&["a\u{1f}b"]),
            names(&[&"a".repeat(257)]),
        ] {
            assert!(checked(&bad).is_err(), "{bad:?}");
        }
        let many: Vec<String> = (0..201).map(|number| number.to_string()).collect();
        assert!(checked(&many).is_err());
    }
}
