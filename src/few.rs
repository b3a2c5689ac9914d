//! How does a list stand in a sentence, however long it is? Its first entries, and how many more there are.

use std::fmt::Display;

/// `a, b, c and 2 more`: at most so many by name.
pub fn few<T: Display>(list: &[T], most: usize) -> String {
    let named: Vec<String> = list.iter().take(most).map(T::to_string).collect();
    let more = match list.len().saturating_sub(most) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    named.join(", ") + &more
}

#[cfg(test)]
mod tests {
    use super::few;

    #[test]
    fn what_is_not_named_is_counted() {
        let list = ["a", "b", "c", "d"];
        assert_eq!(few(&list, 4), "a, b, c, d");
        assert_eq!(few(&list, 2), "a, b and 2 more");
        assert_eq!(few(&list[..0], 2), "");
    }
}
