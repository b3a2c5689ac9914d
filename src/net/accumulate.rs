//! How do the gradients that reach one value, or one weight, become one?
//!
//! The first is taken as it is, each further one is added to it, and none is kept where none is required.

/// Gradients that are being summed, each a `T`: a tensor, or where one stands.
pub(crate) struct Accumulator<T> {
    required: Vec<bool>,
    sums: Vec<Option<T>>,
}

impl<T> Accumulator<T> {
    /// For each of several values whether its gradient is required; none is there yet.
    pub fn new(required: Vec<bool>) -> Accumulator<T> {
        Accumulator {
            sums: required.iter().map(|_| None).collect(),
            required,
        }
    }

    /// Whether the gradient of a value is required.
    pub fn requires(&self, id: usize) -> bool {
        self.required[id]
    }

    /// Whether a value has none yet.
    pub fn is_empty(&self, id: usize) -> bool {
        self.sums[id].is_none()
    }

    /// Takes the sum, if there is one.
    pub fn take(&mut self, id: usize) -> Option<T> {
        self.sums[id].take()
    }

    /// Adds a gradient that is there already.
    ///
    /// # Errors
    /// Those of `add`.
    pub fn accumulate<E>(
        &mut self,
        id: usize,
        gradient: T,
        add: impl FnOnce(T, T) -> Result<T, E>,
    ) -> Result<(), E> {
        if self.required[id] {
            self.sums[id] = Some(match self.sums[id].take() {
                Some(sum) => add(sum, gradient)?,
                None => gradient,
            });
        }
        Ok(())
    }

    /// Each sum.
    pub fn into_sums(self) -> Vec<Option<T>> {
        self.sums
    }
}

impl<T: Copy> Accumulator<T> {
    /// The sum of a value as it stands.
    pub fn get(&self, id: usize) -> Option<T> {
        self.sums[id]
    }

    /// Where a gradient is to be computed to, and whether it is added to what stands there; nothing where none is
    /// required. The first one's place is made by `new`.
    ///
    /// # Errors
    /// Those of `new`.
    pub fn slot<E>(
        &mut self,
        id: usize,
        new: impl FnOnce() -> Result<T, E>,
    ) -> Result<Option<(T, bool)>, E> {
        Ok(match self.sums[id] {
            _ if !self.required[id] => None,
            Some(there) => Some((there, true)),
            None => {
                let place = new()?;
                self.sums[id] = Some(place);
                Some((place, false))
            }
        })
    }
}
