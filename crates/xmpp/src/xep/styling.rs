//! XEP-0393: Message Styling: what a message says about it. The reading of styled text is in `client::text`.

use crate::ns;
use crate::xml::{Element, Writer};

/// Whether an element says that the message is not to be styled (§6).
#[must_use]
pub fn is_unstyled(element: Element<'_>) -> bool {
    element.is("unstyled", ns::STYLING)
}

/// `<unstyled/>` (§6).
#[must_use]
pub fn unstyled() -> String {
    let mut writer = Writer::new();
    writer.leaf("unstyled", ns::STYLING);
    writer.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::Tree;

    #[test]
    fn there_and_back() {
        assert!(is_unstyled(Tree::parse(&unstyled()).expect("XML").root()));
        assert!(!is_unstyled(
            Tree::parse("<unstyled/>").expect("XML").root()
        ));
    }
}
