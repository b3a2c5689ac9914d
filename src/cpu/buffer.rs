//! Memory that begins with a line of the cache.

use super::{LANES, Unit};
use crate::net::{NetError, room_for_batch};
use crate::ops::Real;

/// Bytes of a line of the cache.
const LINE: usize = 64;

/// Numbers of which some stand in front of the first line: as many as a line has, or more.
const MORE: usize = LINE / size_of::<f32>();

/// Numbers, the first of which begins a line.
pub(super) struct Buffer<T> {
    numbers: Vec<T>,
    start: usize,
}

impl<T: Real> Buffer<T> {
    /// So many units of zeros.
    pub fn new(units: usize) -> Buffer<T> {
        Buffer::of(vec![T::zero(); units * LANES + MORE])
    }

    /// The same, for a batch whose size somebody chose.
    ///
    /// # Errors
    /// [`NetError::Graph`] if the system does not have the memory.
    pub fn of_batch(units: usize) -> Result<Buffer<T>, NetError> {
        let count = units.saturating_mul(LANES).saturating_add(MORE);
        room_for_batch(count.saturating_mul(size_of::<T>()))?;
        let mut numbers = Vec::new();
        match numbers.try_reserve_exact(count) {
            Ok(()) => numbers.resize(count, T::zero()),
            Err(_) => return Err(NetError::no_room(count.saturating_mul(size_of::<T>()))),
        }
        Ok(Buffer::of(numbers))
    }

    fn of(numbers: Vec<T>) -> Buffer<T> {
        let start = numbers.as_ptr().align_offset(LINE);
        Buffer {
            start: start.min(MORE),
            numbers,
        }
    }

    /// Room for so many units, whatever they are.
    pub fn at_least(&mut self, units: usize) -> &mut [Unit<T>] {
        if self.units().len() < units {
            *self = Buffer::new(units);
        }
        &mut self.units_mut()[..units]
    }

    pub fn units(&self) -> &[Unit<T>] {
        self.numbers[self.start..].as_chunks().0
    }

    pub fn units_mut(&mut self) -> &mut [Unit<T>] {
        self.numbers[self.start..].as_chunks_mut().0
    }
}

#[test]
fn more_memory_than_there_is_is_an_error() {
    for units in [usize::MAX / 64, usize::MAX] {
        let wrong = Buffer::<f32>::of_batch(units).err().expect("nobody has it");
        assert!(wrong.to_string().contains("a smaller batch"), "{wrong}");
    }
    let some = Buffer::<f32>::of_batch(3).expect("a little");
    assert_eq!(some.units()[..3], [[0.0; LANES]; 3]);
}
