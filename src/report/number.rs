//! Numbers as people read them: no more digits than say something.

/// Three significant digits; powers of ten only where zeros would hide the number.
pub(super) fn short(x: f64) -> String {
    if x == 0.0 {
        return "0".into();
    }
    if !x.is_finite() {
        return "no number".into();
    }
    let power = x.abs().log10().floor();
    match power {
        ..-4.0 | 6.0.. => {
            let text = format!("{x:.2e}");
            let (digits, power) = text.split_once('e').unwrap_or((&text, "0"));
            format!("{}e{power}", trimmed(digits))
        }
        _ => {
            let decimals = (2.0 - power).max(0.0) as usize;
            trimmed(&format!("{x:.decimals$}")).to_string()
        }
    }
}

/// The word for one thing or for several, such as a verb.
pub fn agreeing<'a>(n: usize, one: &'a str, several: &'a str) -> &'a str {
    match n {
        1 => one,
        _ => several,
    }
}

/// How many things, of which one has that name.
pub fn counted(n: usize, thing: &str) -> String {
    match n {
        1 => format!("1 {thing}"),
        n => format!("{n} {thing}s"),
    }
}

/// A share as a percentage, with one digit behind the point, or two below one per cent.
pub(super) fn percent(share: f64) -> String {
    match share.is_finite() {
        true => format!("{} %", places(100.0 * share, 100.0 * share)),
        false => "no number".into(),
    }
}

/// A share in per cent, with two digits behind the point and without the sign.
pub(super) fn hundredths(share: f64) -> String {
    format!("{:.2}", 100.0 * share)
}

/// Mean and deviation of shares, as percentages.
pub(super) fn percent_spread(mean: f64, deviation: f64) -> String {
    if !mean.is_finite() || !deviation.is_finite() {
        return percent(mean);
    }
    let (mean, deviation) = (100.0 * mean, 100.0 * deviation);
    format!(
        "{} ± {} %",
        places(mean, deviation),
        places(deviation, deviation)
    )
}

/// Mean and deviation, to the digits of the mean.
pub(super) fn spread(mean: f64, deviation: f64) -> String {
    match mean.is_finite() && deviation.is_finite() {
        true => format!("{} ± {}", short(mean), short(deviation)),
        false => short(mean),
    }
}

fn places(x: f64, by: f64) -> String {
    match by.abs() < 1.0 && by != 0.0 {
        true => format!("{x:.2}"),
        false => format!("{x:.1}"),
    }
}

/// Without the zeros behind a point.
pub(super) fn trimmed(text: &str) -> &str {
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.'),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_that_say_something() {
        for (x, text) in [
            (0.0, "0"),
            (0.1 + 0.2, "0.3"),
            (2.345_67, "2.35"),
            (-0.012_345, "-0.0123"),
            (1234.5, "1234"),
            (1.5e9, "1.5e9"),
            (-2e-7, "-2e-7"),
            (f64::NAN, "no number"),
        ] {
            assert_eq!(short(x), text);
        }
        assert_eq!(percent(0.123_45), "12.3 %");
        assert_eq!(percent(0.001_234), "0.12 %");
        assert_eq!(percent_spread(0.123_45, 0.002_3), "12.35 ± 0.23 %");
        assert_eq!(percent_spread(0.123_45, f64::NAN), "12.3 %");
        assert_eq!(spread(2.0 / 3.0, 0.012_34), "0.667 ± 0.0123");
    }
}
