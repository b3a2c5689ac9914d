//! Which names are like a misspelt one?

/// What a message about an unknown name ends in: `did you mean A, B?`, or, if nothing is like it, which
/// command lists what there is.
pub fn did_you_mean<'a>(name: &str, known: impl Iterator<Item = &'a str>, listing: &str) -> String {
    suggestion(name, known).unwrap_or_else(|| format!("`{listing}` shows all"))
}

/// `did you mean A, B?`; nothing if nothing is like it.
pub fn suggestion<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    match nearest(name, known).as_slice() {
        [] => None,
        names => Some(format!("did you mean {}?", names.join(", "))),
    }
}

/// Up to three names that are most like a misspelt one, or that it begins.
fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut scored: Vec<(f64, &str)> = known
        .map(|other| {
            let begun = f64::from(u8::from(other.starts_with(name)));
            (strsim::jaro_winkler(name, other) + begun, other)
        })
        .filter(|(score, _)| *score > 0.7)
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    scored
        .into_iter()
        .take(3)
        .map(|(_, name)| name.to_string())
        .collect()
}
