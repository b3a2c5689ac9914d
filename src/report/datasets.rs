//! What is in a data set, for a terminal.

use super::number::counted;
use super::table::columns;
use crate::data::{Audit, Leak, Survey};
use crate::visible::line;

/// Groups of equal images that are named; `--json` names all.
const NAMED: usize = 10;

/// Images of each class and part, then each part's colours.
pub fn statistics(survey: &Survey) -> String {
    let parts = &survey.statistics;
    let classes = survey.classes.iter().enumerate().map(|(class, name)| {
        let counts = parts.iter().map(|part| part.classes[class].to_string());
        [name.clone(), counts.collect::<Vec<_>>().join(" + ")]
    });
    let all = parts.iter().map(|part| part.images.to_string());
    let all = ["all".to_string(), all.collect::<Vec<_>>().join(" + ")];
    let names: Vec<&str> = parts.iter().map(|part| part.part.as_str()).collect();
    let counts = columns(
        ["class", &format!("images ({})", names.join(" + "))],
        classes.chain([all]),
    );
    let numbers = |numbers: &[f64]| {
        let shown = numbers.iter().map(|x| format!("{x:.4}"));
        shown.collect::<Vec<_>>().join(" ")
    };
    let colours = parts.iter().map(|part| {
        [
            part.part.clone(),
            numbers(&part.mean),
            numbers(&part.deviation),
        ]
    });
    format!(
        "{}\n{counts}\n{}",
        survey.source.name(),
        columns(["part", "mean", "deviation"], colours)
    )
}

/// Duplicates, and what of the test part is in the training part.
pub fn audit(audit: &Audit) -> String {
    let exact = &audit.exact;
    let mut text = format!(
        "{}: {}\n{} of equal images, {} too many; {} in several parts, {} in several classes\n",
        audit.source,
        counted(audit.images, "image"),
        counted(exact.groups.len(), "group"),
        counted(exact.surplus, "image"),
        counted(exact.across_parts, "group"),
        exact.across_classes
    );
    for group in exact.groups.iter().take(NAMED) {
        text += &format!("  {}\n", line(&group.join(" = ")));
    }
    if exact.groups.len() > NAMED {
        text += &format!(
            "  and {} more, which --json names\n",
            exact.groups.len() - NAMED
        );
    }
    if let Some(distance) = audit.distance {
        text += &format!(
            "\npairs of pictures whose 64-bit difference hashes differ in at most {distance} bits\n"
        );
        let rows = audit.pairs.iter().enumerate().map(|(bits, at)| {
            [
                bits.to_string(),
                at.pairs.to_string(),
                at.across_classes.to_string(),
            ]
        });
        text += &columns(["bits", "pairs", "of two classes"], rows);
    }
    text += "\ntest images with a duplicate among the training images\n";
    let row = |leak: &Leak| {
        let (exact, near) = leak.shares();
        let named = leak
            .seed
            .map_or("as divided".into(), |seed| format!("seed {seed}"));
        [
            named,
            leak.test.to_string(),
            percent(exact),
            near.map_or("-".into(), percent),
        ]
    };
    let mut rows = vec![row(&audit.leak)];
    rows.extend(audit.seeds.iter().map(row));
    if !audit.seeds.is_empty() {
        let n = audit.seeds.len() as f64;
        let mean =
            |share: &dyn Fn(&Leak) -> f64| percent(audit.seeds.iter().map(share).sum::<f64>() / n);
        let exact = mean(&|leak| leak.shares().0);
        let near = mean(&|leak| leak.shares().1.unwrap_or_default());
        rows.push(["mean of the seeds".into(), String::new(), exact, near]);
    }
    text + &columns(
        ["division", "test images", "exact", "exact or near"],
        rows.into_iter(),
    )
}

fn percent(share: f64) -> String {
    format!("{:.2} %", 100.0 * share)
}
