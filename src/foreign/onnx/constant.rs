//! Numbers that are known before a network runs: sizes, axes, factors.

use rten_onnx::onnx::DataType;

/// The most numbers of a constant that is computed with.
pub(super) const MOST: usize = 1 << 16;

/// An array of numbers.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Constant {
    /// Its dimensions; none for one number.
    pub dims: Vec<usize>,
    pub numbers: Numbers,
}

/// Numbers of one kind.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Numbers {
    Ints(Vec<i64>),
    Floats(Vec<f64>),
}

impl Constant {
    /// A row of ints.
    pub fn row(ints: Vec<i64>) -> Constant {
        Constant {
            dims: vec![ints.len()],
            numbers: Numbers::Ints(ints),
        }
    }

    /// Of a tensor's bytes; none where they are no numbers that are computed with.
    pub fn of(kind: DataType, dims: Vec<usize>, bytes: &[u8]) -> Option<Constant> {
        fn each<const N: usize, T>(bytes: &[u8], of: impl Fn([u8; N]) -> T) -> Vec<T> {
            let (chunks, _) = bytes.as_chunks::<N>();
            chunks.iter().map(|chunk| of(*chunk)).collect()
        }
        use Numbers::{Floats, Ints};
        let numbers = match kind {
            DataType::INT64 => Ints(each(bytes, i64::from_le_bytes)),
            DataType::INT32 => Ints(each(bytes, |b| i32::from_le_bytes(b).into())),
            DataType::INT16 => Ints(each(bytes, |b| i16::from_le_bytes(b).into())),
            DataType::INT8 => Ints(each(bytes, |b| i8::from_le_bytes(b).into())),
            DataType::UINT8 | DataType::BOOL => Ints(bytes.iter().map(|&b| b.into()).collect()),
            DataType::UINT32 => Ints(each(bytes, |b| u32::from_le_bytes(b).into())),
            DataType::FLOAT => Floats(each(bytes, |b| decimal(f32::from_le_bytes(b)))),
            DataType::DOUBLE => Floats(each(bytes, f64::from_le_bytes)),
            _ => return None,
        };
        let constant = Constant { dims, numbers };
        (constant.dims.iter().product::<usize>() == constant.len()).then_some(constant)
    }

    /// How many numbers it has.
    pub fn len(&self) -> usize {
        match &self.numbers {
            Numbers::Ints(ints) => ints.len(),
            Numbers::Floats(floats) => floats.len(),
        }
    }

    /// All its numbers, where they are ints.
    pub fn ints(&self) -> Option<&[i64]> {
        match &self.numbers {
            Numbers::Ints(ints) => Some(ints),
            Numbers::Floats(_) => None,
        }
    }

    pub fn floats(&self) -> Vec<f64> {
        match &self.numbers {
            Numbers::Ints(ints) => ints.iter().map(|&n| n as f64).collect(),
            Numbers::Floats(floats) => floats.clone(),
        }
    }

    /// Its number, if it is one alone.
    pub fn scalar(&self) -> Option<f64> {
        match self.floats()[..] {
            [number] => Some(number),
            _ => None,
        }
    }

    /// Its int, if it is one alone.
    pub fn int(&self) -> Option<i64> {
        match self.ints()? {
            [number] => Some(*number),
            _ => None,
        }
    }

    /// Numbers of it, each at the place that `index` says.
    pub fn picked(
        &self,
        dims: Vec<usize>,
        index: impl Fn(&[usize]) -> Option<usize>,
    ) -> Option<Constant> {
        let count = count(&dims)?;
        let mut places = Vec::with_capacity(count);
        for flat in 0..count {
            places.push(index(&coordinates(flat, &dims))?);
        }
        let numbers = match &self.numbers {
            Numbers::Ints(ints) => Numbers::Ints(
                places
                    .iter()
                    .map(|&i| ints.get(i).copied())
                    .collect::<Option<_>>()?,
            ),
            Numbers::Floats(floats) => Numbers::Floats(
                places
                    .iter()
                    .map(|&i| floats.get(i).copied())
                    .collect::<Option<_>>()?,
            ),
        };
        Some(Constant { dims, numbers })
    }

    /// Under other dimensions.
    pub fn under(&self, dims: Vec<usize>) -> Option<Constant> {
        (count(&dims)? == self.len()).then(|| Constant {
            dims,
            numbers: self.numbers.clone(),
        })
    }

    /// Repeated to those dimensions.
    pub fn repeated(&self, dims: &[usize]) -> Option<Constant> {
        self.picked(dims.to_vec(), |at| {
            let skipped = dims.len().checked_sub(self.dims.len())?;
            let own: Vec<usize> = (self.dims.iter().zip(&at[skipped..]))
                .map(|(&size, &at)| if size == 1 { 0 } else { at })
                .collect();
            place(&own, &self.dims)
        })
    }
}

/// How many numbers those dimensions hold, if a constant may.
pub(super) fn count(dims: &[usize]) -> Option<usize> {
    (dims.iter())
        .try_fold(1usize, |n, &size| n.checked_mul(size))
        .filter(|&n| n <= MOST)
}

/// Where the number of that place stands, axis by axis.
fn coordinates(mut flat: usize, dims: &[usize]) -> Vec<usize> {
    let mut at = vec![0; dims.len()];
    for (at, &size) in at.iter_mut().zip(dims).rev() {
        *at = flat % size;
        flat /= size;
    }
    at
}

/// The place of the number that stands there; none outside.
pub(super) fn place(at: &[usize], dims: &[usize]) -> Option<usize> {
    at.iter().zip(dims).try_fold(0, |flat, (&at, &size)| {
        (at < size).then(|| flat * size + at)
    })
}

/// The number that somebody wrote who got this one: 0.1 in single precision is 0.1, not 0.10000000149.
pub(super) fn decimal(number: f32) -> f64 {
    number.to_string().parse().unwrap_or_else(|_| number.into())
}

/// The dimensions to which arrays are repeated.
pub(super) fn broadcast(a: &[usize], b: &[usize]) -> Option<Vec<usize>> {
    let axes = a.len().max(b.len());
    let size = |dims: &[usize], i: usize| (i + dims.len()).checked_sub(axes).map_or(1, |i| dims[i]);
    (0..axes)
        .map(|i| match (size(a, i), size(b, i)) {
            (a, b) if a == b || b == 1 => Some(a),
            (1, b) => Some(b),
            _ => None,
        })
        .collect()
}
