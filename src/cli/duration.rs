//! How long something may take, as it is typed: `90s`, `9m`, `1h30m`.

use std::time::Duration;

/// A time in words, no more exact than an estimate is.
pub fn about(seconds: f64) -> String {
    let (value, unit) = match seconds {
        ..10.0 => return "some seconds".into(),
        ..90.0 => ((seconds / 10.0).round() * 10.0, "seconds"),
        ..5400.0 => ((seconds / 60.0).round(), "minutes"),
        _ => ((seconds / 360.0).round() / 10.0, "hours"),
    };
    format!("about {value} {unit}")
}

/// Reads a time of hours, minutes and seconds.
///
/// # Errors
/// What would be right.
pub fn parse(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is no time: 90s, 9m, 1.5h or 1h30m would be one");
    let mut seconds = 0.0;
    for part in text.split_inclusive(['h', 'm', 's']) {
        let unit = match part.chars().last() {
            Some('h') => 3600.0,
            Some('m') => 60.0,
            Some('s') => 1.0,
            _ => return Err(wrong()),
        };
        let number = &part[..part.len() - 1];
        if !number.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(wrong());
        }
        seconds += number.parse::<f64>().map_err(|_| wrong())? * unit;
    }
    if seconds <= 0.0 {
        return Err(format!("{}; it must be longer than nothing", wrong()));
    }
    Duration::try_from_secs_f64(seconds).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::about;

    #[test]
    fn an_estimate_is_said_in_round_numbers() {
        for (seconds, said) in [
            (0.0, "some seconds"),
            (14.0, "about 10 seconds"),
            (89.0, "about 90 seconds"),
            (100.0, "about 2 minutes"),
            (3700.0, "about 62 minutes"),
            (5500.0, "about 1.5 hours"),
            (1e9, "about 277777.8 hours"),
        ] {
            assert_eq!(about(seconds), said);
        }
    }
}
