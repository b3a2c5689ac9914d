//! How long something may take, as it is typed: `90s`, `9m`, `1h30m`.

use std::time::Duration;

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
