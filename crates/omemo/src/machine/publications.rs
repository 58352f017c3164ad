//! What we publish: bundles and device lists.

use xmpp::ns;
use xmpp::xep::omemo::{DeviceId, Form};
use xmpp::xml::Writer;

use super::requests::{Request, RequestKind, Task};
use super::{MAX_REMOVALS, Machine, slot};
use crate::device_list::{DeviceList, ListedDevice};
use crate::error::Error;
use crate::store::{Draft, KeyStore};

/// Something of ours that is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Node {
    Devices,
    Bundle,
}

pub(super) fn node_name(node: Node, form: Form, device: DeviceId) -> String {
    match (node, form) {
        (Node::Devices, form) => form.device_list_node().to_owned(),
        (Node::Bundle, Form::Current) => ns::OMEMO_BUNDLES.to_owned(),
        (Node::Bundle, Form::Legacy) => {
            format!("{}{device}", ns::OMEMO_LEGACY_BUNDLES)
        }
    }
}

fn field(writer: &mut Writer, var: &str, value: &str) {
    writer.start("field").attr("var", var);
    if var == "FORM_TYPE" {
        writer.attr("type", "hidden");
    }
    writer.leaf_text("value", None, value).end();
}

/// The options without which others could not read what we publish (XEP-0384 §5.3).
fn options(writer: &mut Writer, node: Node, form: Form, form_type: &str) {
    writer
        .start("x")
        .xmlns(ns::DATA_FORMS)
        .attr("type", "submit");
    field(writer, "FORM_TYPE", form_type);
    field(writer, "pubsub#access_model", "open");
    field(writer, "pubsub#persist_items", "true");
    if (node, form) == (Node::Bundle, Form::Current) {
        field(writer, "pubsub#max_items", "max");
    }
    writer.end();
}

impl<S: KeyStore> Machine<S> {
    /// Encryption is switched off here: takes this device and its keys from the server (XEP-0384 §6), so that nobody
    /// writes to it any more. The keys in the store are the caller's to delete, once nothing is due any more.
    pub const fn withdraw(&mut self) {
        self.withdrawn = true;
    }

    /// Whether all was done that [`Machine::withdraw`] has asked for.
    ///
    /// # Errors
    /// [`Error`], when the store fails.
    pub fn is_withdrawn(&self) -> Result<bool, Error<S::Error>> {
        let gone = self.withdrawn && self.bundle_gone.iter().all(|gone| *gone);
        for form in Form::ALL {
            if self.list_to_publish(form)?.is_some() {
                return Ok(false);
            }
        }
        Ok(gone)
    }

    fn is_withdrawing(&self, form: Form) -> bool {
        self.in_flight
            .values()
            .any(|task| matches!(task, Task::Withdraw(other) if *other == form))
    }

    fn withdrawal(&self, form: Form) -> String {
        let node = node_name(Node::Bundle, form, self.account.device);
        let mut writer = Writer::new();
        writer.start("pubsub");
        match form {
            Form::Current => writer
                .xmlns(ns::PUBSUB)
                .start("retract")
                .attr("node", node)
                .start("item")
                .attr("id", self.account.device.to_string())
                .end(),
            Form::Legacy => writer
                .xmlns(ns::PUBSUB_OWNER)
                .start("delete")
                .attr("node", node),
        };
        writer.end().end();
        writer.finish()
    }

    fn is_busy(&self, node: Node, form: Form) -> bool {
        self.refused.contains(&(node, form))
            || self.in_flight.values().any(|task| {
                matches!(task, Task::Publish(n, f, _) | Task::Configure(n, f) if (*n, *f) == (node, form))
            })
    }

    pub(super) fn publications(
        &mut self,
        requests: &mut Vec<Request>,
    ) -> Result<(), Error<S::Error>> {
        // Until both lists were seen, our number may yet be that of another device, whose keys we would overwrite.
        if !self.own_lists_seen.iter().all(|seen| *seen) {
            return Ok(());
        }
        for form in Form::ALL {
            let mut due = Vec::new();
            if self.withdrawn {
                // First from the list, then the keys: nobody shall find a device without keys.
                if self.list_to_publish(form)?.is_some() {
                    due.push(Node::Devices);
                } else if !self.bundle_gone[slot(form)] && !self.is_withdrawing(form) {
                    let payload = self.withdrawal(form);
                    let kind = RequestKind::Set(payload);
                    requests.push(self.request(Task::Withdraw(form), None, kind));
                }
            } else if self.account.form(form).unpublished {
                due.push(Node::Bundle);
            } else if let Some(list) = self.list_to_publish(form)? {
                let mut writer = Writer::new();
                list.write(form, &mut writer);
                due.push(Node::Devices);
            }
            for node in due {
                if self.is_busy(node, form) {
                    continue;
                }
                let (task, payload) = if self.configure.contains(&(node, form)) {
                    (Task::Configure(node, form), self.configuration(node, form))
                } else {
                    (
                        Task::Publish(node, form, self.generations[slot(form)]),
                        self.publication(node, form)?,
                    )
                };
                let request = self.request(task, None, RequestKind::Set(payload));
                requests.push(request);
            }
        }
        Ok(())
    }

    /// Our device list as it should be, when it is not so.
    pub(super) fn list_to_publish(
        &self,
        form: Form,
    ) -> Result<Option<DeviceList>, Error<S::Error>> {
        if !self.own_lists_seen[slot(form)] {
            return Ok(None);
        }
        let draft = Draft::new(&self.store);
        let seen = draft.list(&self.own, form)?.unwrap_or_default();
        let label = self.config.label.as_ref().filter(|_| form == Form::Current);
        let own = ListedDevice {
            id: self.account.device,
            label: label.map(|label| {
                let signature = self.account.identity.sign(label.as_bytes());
                (label.clone(), signature)
            }),
        };
        let mut wanted = seen.clone();
        wanted.devices.retain(|device| !self.is_put_out(device.id));
        let listed = wanted.devices.iter_mut().find(|device| device.id == own.id);
        match listed {
            _ if self.withdrawn => wanted.devices.retain(|device| device.id != own.id),
            Some(device) => *device = own,
            None => wanted.devices.push(own),
        }
        Ok((wanted != seen).then_some(wanted))
    }

    /// Whether a device is to go. Two that are of different minds must not go on for ever.
    fn is_put_out(&self, device: DeviceId) -> bool {
        let times = self.removals.get(&device).copied().unwrap_or(0);
        self.revoked.contains(&device) && times < MAX_REMOVALS
    }

    fn publication(&self, node: Node, form: Form) -> Result<String, Error<S::Error>> {
        let item = match (node, form) {
            (Node::Bundle, Form::Current) => self.account.device.to_string(),
            _ => "current".to_owned(),
        };
        let mut writer = Writer::with_capacity(8_192);
        writer
            .start("pubsub")
            .xmlns(ns::PUBSUB)
            .start("publish")
            .attr("node", node_name(node, form, self.account.device))
            .start("item")
            .attr("id", item);
        match node {
            Node::Devices => {
                let list = match self.list_to_publish(form)? {
                    Some(list) => list,
                    None => Draft::new(&self.store)
                        .list(&self.own, form)?
                        .unwrap_or_default(),
                };
                list.write(form, &mut writer);
            }
            Node::Bundle => {
                let prekeys = Draft::new(&self.store).prekeys(form)?;
                self.account.bundle(form, &prekeys).write(&mut writer);
            }
        }
        writer.end().end();
        if !self.configured.contains(&(node, form)) {
            writer.start("publish-options");
            options(&mut writer, node, form, ns::PUBSUB_PUBLISH_OPTIONS);
            writer.end();
        }
        writer.end();
        Ok(writer.finish())
    }

    fn configuration(&self, node: Node, form: Form) -> String {
        let mut writer = Writer::new();
        writer
            .start("pubsub")
            .xmlns(ns::PUBSUB_OWNER)
            .start("configure")
            .attr("node", node_name(node, form, self.account.device));
        options(&mut writer, node, form, ns::PUBSUB_NODE_CONFIG);
        writer.end().end();
        writer.finish()
    }
}
