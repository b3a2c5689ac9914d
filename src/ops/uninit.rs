//! Vectors that tasks fill, each its own chunks: not zeroed first, which for large ones costs as much as what is
//! computed.

#![allow(unsafe_code)]

use super::cpu::Real;
use rayon::prelude::*;
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A vector of so many numbers, none of which is there yet.
pub(super) struct UninitVec<T> {
    numbers: Vec<T>,
    count: usize,
    written: AtomicUsize,
}

/// A chunk of a vector, filled from its front.
pub(super) struct UninitChunk<'a, T> {
    free: &'a mut [MaybeUninit<T>],
    filled: usize,
    written: &'a AtomicUsize,
}

impl<T: Real> UninitVec<T> {
    /// Room for so many numbers.
    pub fn new(count: usize) -> UninitVec<T> {
        UninitVec {
            numbers: Vec::with_capacity(count),
            count,
            written: AtomicUsize::new(0),
        }
    }

    /// The chunks of one size, in order; the last one may be shorter. All must be filled, whatever was before.
    pub fn chunks(
        &mut self,
        size: usize,
    ) -> impl IndexedParallelIterator<Item = UninitChunk<'_, T>> {
        let (free, written) = self.room();
        let chunks = free.par_chunks_mut(size.max(1));
        chunks.map(move |free| UninitChunk::new(free, written))
    }

    /// The same, each chunk cut into parts, of which its last one may be shorter.
    pub fn cut(&mut self, size: usize, part: usize) -> Vec<UninitChunk<'_, T>> {
        let (free, written) = self.room();
        let chunks = free.chunks_mut(size.max(1));
        let parts = chunks.flat_map(|chunk| chunk.chunks_mut(part.max(1)));
        parts.map(|free| UninitChunk::new(free, written)).collect()
    }

    /// All slots, none of them counted: those that were handed out before are gone, and may be written again.
    fn room(&mut self) -> (&mut [MaybeUninit<T>], &AtomicUsize) {
        *self.written.get_mut() = 0;
        let slots = &mut self.numbers.spare_capacity_mut()[..self.count];
        (slots, &self.written)
    }

    /// The vector.
    ///
    /// # Panics
    /// If a number was not written.
    pub fn finish(mut self) -> Vec<T> {
        assert_eq!(self.written.into_inner(), self.count);
        // SAFETY: there is room for so many numbers, and so many different ones have been written: no slot is
        // counted before it is written, nor twice, as it is no longer free then, and `room` starts anew
        unsafe { self.numbers.set_len(self.count) };
        self.numbers
    }
}

impl<'a, T: Real> UninitChunk<'a, T> {
    fn new(free: &'a mut [MaybeUninit<T>], written: &'a AtomicUsize) -> UninitChunk<'a, T> {
        UninitChunk {
            free,
            filled: 0,
            written,
        }
    }

    /// How many slots there are, filled and free.
    pub fn len(&self) -> usize {
        self.filled + self.free.len()
    }

    /// Fills the next slots.
    #[inline(always)]
    pub fn extend(&mut self, numbers: impl Iterator<Item = T>) {
        let free = std::mem::take(&mut self.free);
        let mut filled = 0;
        for (slot, x) in free.iter_mut().zip(numbers) {
            slot.write(x);
            filled += 1;
        }
        self.filled += filled;
        self.free = &mut free[filled..];
    }
}

impl<T> Drop for UninitChunk<'_, T> {
    fn drop(&mut self) {
        self.written.fetch_add(self.filled, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_become_one_vector() {
        let mut uninit = UninitVec::new(10);
        uninit.chunks(4).enumerate().for_each(|(i, mut slots)| {
            slots.extend([i as f32; 1].into_iter());
            slots.extend((0..100).map(|k| k as f32));
        });
        let whole = [0., 0., 1., 2., 1., 0., 1., 2., 2., 0.];
        assert_eq!(uninit.finish(), whole);
        assert!(UninitVec::<f64>::new(0).finish().is_empty());
    }

    #[test]
    #[should_panic(expected = "left: 8")]
    fn a_number_that_is_missing_is_noticed() {
        let mut uninit = UninitVec::new(10);
        let short = |mut slots: UninitChunk<f64>| slots.extend([1.0; 3].into_iter());
        uninit.chunks(4).for_each(short);
        uninit.finish();
    }

    #[test]
    #[should_panic(expected = "left: 5")]
    fn the_same_half_twice_is_no_whole() {
        let mut uninit = UninitVec::new(10);
        for _ in 0..2 {
            let half = &mut uninit.cut(10, 5)[0];
            half.extend([1.0_f32; 5].into_iter());
        }
        uninit.finish();
    }
}
