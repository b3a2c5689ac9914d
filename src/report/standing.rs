//! How a check stands to what suites record, in the words that text, Markdown and pages share.

use super::number::{agreeing, counted};
use crate::record::{Record, Standing};

/// Records by how they stand to their suites.
#[derive(Default)]
pub(super) struct Standings<'a> {
    /// Those that differ from what is recorded, and how.
    pub differing: Vec<(&'a Record, String)>,
    /// Those that are refuted and record no verdict.
    pub refuted: Vec<(&'a Record, String)>,
    as_recorded: usize,
    open: usize,
    unrecorded: usize,
    left_out: usize,
}

impl<'a> Standings<'a> {
    pub(super) fn of(records: &'a [Record]) -> Standings<'a> {
        let mut all = Standings::default();
        for record in records {
            match record.standing() {
                Standing::AsRecorded => all.as_recorded += 1,
                Standing::Open => all.open += 1,
                Standing::Differs(how) => all.differing.push((record, how)),
                Standing::Unrecorded => all.unrecorded += 1,
                Standing::RefutedUnrecorded(how) => all.refuted.push((record, how)),
                Standing::LeftOut => all.left_out += 1,
            }
        }
        all
    }

    /// What fails, under its heading; nothing if nothing does.
    pub(super) fn failures(&self) -> impl Iterator<Item = (&'static str, &[(&'a Record, String)])> {
        [
            ("Different from the record", self.differing.as_slice()),
            ("Refuted, and no verdict recorded", &self.refuted),
        ]
        .into_iter()
        .filter(|(_, records)| !records.is_empty())
    }

    /// What can be said of the claims that do not fail, in a sentence; nothing if there are none.
    pub(super) fn rest(&self) -> Option<String> {
        let all = match self.failures().next() {
            None => "Every verdict",
            Some(_) => "Every other verdict",
        };
        let mut parts = Vec::new();
        if self.as_recorded > 0 && self.unrecorded == 0 && self.open == 0 {
            parts.push(format!("{all} is as recorded"));
        } else if self.as_recorded > 0 {
            let are = agreeing(self.as_recorded, "is", "are");
            parts.push(format!("{} {are} as recorded", self.as_recorded));
        }
        if self.open > 0 {
            let are = agreeing(self.open, "is", "are");
            let open = self.open;
            parts.push(format!(
                "{open} that training decides {are} open here or in the record"
            ));
        }
        if self.unrecorded > 0 {
            let record = agreeing(self.unrecorded, "records", "record");
            let claims = counted(self.unrecorded, "claim");
            parts.push(format!("{claims} {record} no verdict"));
        }
        if self.left_out > 0 {
            parts.push(format!("{} left out", self.left_out));
        }
        (!parts.is_empty()).then(|| format!("{}.", parts.join("; ")))
    }
}
