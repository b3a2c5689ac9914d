//! Which run is this? All that decides a run but its seed.

/// What a run follows; two runs of one fingerprint and one seed have the same bits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fingerprint {
    /// Of the recipe, whatever its model is called.
    pub recipe: String,
    /// Digest of the network's graph; nothing in files from before runs named their network.
    pub network: Option<String>,
    /// Of the images and their labels.
    pub data: String,
    /// Device and numbers: `cpu-f32`, `cuda-bf16`.
    pub backend: String,
}

impl Fingerprint {
    /// Whether a run that was kept is the one of this fingerprint.
    ///
    /// # Errors
    /// What of it is another, in words that go on after the name of its file.
    pub fn is_of(&self, kept: &Fingerprint) -> Result<(), String> {
        const ANEW: &str = "remove it to begin anew";
        let Some(network) = &kept.network else {
            return Err(format!(
                "is from before runs named their network, and may be of another than this one: {ANEW}"
            ));
        };
        // what has no name is not known to be the same
        let unnamed = "of no name".to_string();
        let parts = [
            ("recipe", &kept.recipe, &self.recipe),
            (
                "network",
                network,
                self.network.as_ref().unwrap_or(&unnamed),
            ),
            ("data set", &kept.data, &self.data),
            ("device", &kept.backend, &self.backend),
        ];
        match parts.into_iter().find(|(_, kept, own)| kept != own) {
            None => Ok(()),
            Some((what, kept, own)) => Err(format!(
                "is of another {what} ({kept}) than this run ({own}): {ANEW}"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_without_a_name_is_never_the_same() {
        let of = |network: Option<&str>| Fingerprint {
            recipe: "r".into(),
            network: network.map(str::to_string),
            data: "d".into(),
            backend: "cpu-f32".into(),
        };
        assert_eq!(of(Some("n")).is_of(&of(Some("n"))), Ok(()));
        for (own, kept) in [(None, Some("n")), (Some("n"), None), (None, None)] {
            assert!(of(own).is_of(&of(kept)).is_err(), "{own:?} {kept:?}");
        }
    }
}
