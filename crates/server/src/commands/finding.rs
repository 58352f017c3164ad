//! What a check has found.

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Ok,
    Note,
    Warning,
    Failed,
}

/// One line of the report.
#[derive(Debug)]
pub(super) struct Finding {
    pub(super) verdict: Verdict,
    pub(super) subject: &'static str,
    pub(super) text: String,
    pub(super) mend: Option<String>,
}

impl Finding {
    pub(super) fn new(verdict: Verdict, subject: &'static str, text: String) -> Self {
        Self {
            verdict,
            subject,
            text,
            mend: None,
        }
    }

    pub(super) fn mend(mut self, mend: String) -> Self {
        self.mend = Some(mend);
        self
    }
}
