//! Bytes that several hold at once, whole or in part, and that stand in memory once.

use std::ops::Deref;
use std::sync::Arc;

/// The first of some bytes; a copy of it is another look at the same.
#[derive(Clone)]
pub struct SharedBytes {
    all: Arc<Vec<u8>>,
    length: usize,
}

impl SharedBytes {
    /// Leaves out what stands behind so many bytes.
    pub fn truncate(&mut self, length: usize) {
        self.length = self.length.min(length);
    }
}

impl From<Vec<u8>> for SharedBytes {
    fn from(all: Vec<u8>) -> SharedBytes {
        SharedBytes {
            length: all.len(),
            all: Arc::new(all),
        }
    }
}

impl Deref for SharedBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.all[..self.length]
    }
}

impl PartialEq for SharedBytes {
    fn eq(&self, other: &SharedBytes) -> bool {
        **self == **other
    }
}

impl Eq for SharedBytes {}

impl std::fmt::Debug for SharedBytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes", self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_another_look_at_the_same() {
        let whole = SharedBytes::from(vec![1, 2, 3]);
        let mut part = whole.clone();
        part.truncate(2);
        assert_eq!((&*part, &*whole), (&[1, 2][..], &[1, 2, 3][..]));
        assert_eq!(part.as_ptr(), whole.as_ptr());
        part.truncate(9);
        assert_eq!(part.len(), 2);
    }
}
