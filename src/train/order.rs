//! In which order do the images of an epoch come?

use super::recipe::Order;
use crate::random::Key;

/// The order of `images` images under a key.
pub(super) fn order(order: Order, images: usize, key: Key) -> Vec<usize> {
    match order {
        Order::Shuffled => key.permutation(images),
        Order::Buffer(size) => buffered(size.max(1), images, key),
    }
}

/// A buffer takes in the first images; one of them at random goes out and the next comes in, until none
/// is left.
fn buffered(size: usize, images: usize, key: Key) -> Vec<usize> {
    let mut buffer: Vec<usize> = (0..size.min(images)).collect();
    let mut next = buffer.len();
    let mut out = Vec::with_capacity(images);
    while !buffer.is_empty() {
        let drawn = (key.uniform(out.len() as u64) * buffer.len() as f64) as usize;
        out.push(buffer[drawn]);
        if next < images {
            buffer[drawn] = next;
            next += 1;
        } else {
            buffer.swap_remove(drawn);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_image_comes_once() {
        for rule in [
            Order::Shuffled,
            Order::Buffer(1),
            Order::Buffer(10),
            Order::Buffer(500),
        ] {
            let mut all = order(rule, 100, Key::seed(1));
            assert_eq!(all, order(rule, 100, Key::seed(1)));
            assert!(all != order(rule, 100, Key::seed(2)) || rule == Order::Buffer(1));
            all.sort_unstable();
            assert_eq!(all, (0..100).collect::<Vec<_>>(), "{rule:?}");
        }
    }

    /// A buffer of ten never hands out an image more than ten places early.
    #[test]
    fn a_small_buffer_mixes_neighbours_only() {
        let out = order(Order::Buffer(10), 1000, Key::seed(3));
        assert!(out.iter().enumerate().all(|(i, &image)| image < i + 10));
        assert_ne!(out, (0..1000).collect::<Vec<_>>());
    }
}
