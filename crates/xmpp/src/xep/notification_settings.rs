//! XEP-0492: Chat Notification Settings: when somebody wants to hear of a conversation.

use crate::ns;
use crate::xml::Element;

/// A setting, from the least to the most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NotificationSetting {
    /// Of no message.
    Never,
    /// Of messages that name the user.
    OnMention,
    /// Of every message.
    Always,
}

impl NotificationSetting {
    /// Reads `<notify/>` for somebody who is no client: the one without an identity (§3.2), else the
    /// one that lets most through. `None` when it says nothing.
    #[must_use]
    pub fn read(notify: Element<'_>) -> Option<Self> {
        let settings = notify.children().filter_map(|child| {
            if child.namespace() != ns::NOTIFICATION_SETTINGS {
                return None;
            }
            let setting = match child.name() {
                "never" => Self::Never,
                "on-mention" => Self::OnMention,
                "always" => Self::Always,
                _ => return None,
            };
            Some((child.attr("identity-category").is_none(), setting))
        });
        settings.max().map(|(_, setting)| setting)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::Tree;

    #[test]
    fn the_one_for_all_counts() {
        let read = |inner: &str| {
            let text = format!("<notify xmlns='urn:xmpp:notification-settings:1'>{inner}</notify>");
            NotificationSetting::read(Tree::parse(&text).expect("XML").root())
        };
        assert_eq!(read(""), None);
        assert_eq!(read("<never xmlns='urn:other'/>"), None);
        assert_eq!(read("<never/>"), Some(NotificationSetting::Never));
        assert_eq!(
            read(
                "<always identity-category='client' identity-type='pc'/><on-mention><advanced/></on-mention>"
            ),
            Some(NotificationSetting::OnMention)
        );
        assert_eq!(
            read(
                "<never identity-category='client' identity-type='pc'/><always identity-category='client'/>"
            ),
            Some(NotificationSetting::Always)
        );
    }
}
