//! Numbers that look random and depend on nothing but a key and a position.
//!
//! There is no generator with a state: the i-th number under a key is a function of both, so that
//! initial weights and masks depend neither on order nor on threads nor on the device.

/// Where a sequence of numbers begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key(u64);

impl Key {
    /// The key of a name alone: its FNV-1a hash.
    pub fn named(name: &str) -> Key {
        Key(fnv1a(name))
    }

    /// The key of a seed.
    pub const fn seed(seed: u64) -> Key {
        Key(mix(seed))
    }

    /// A key that depends on a number too.
    pub const fn fold_in(self, n: u64) -> Key {
        Key(mix(self.0 ^ mix(n)))
    }

    /// A key that depends on a name too.
    pub fn fold_in_name(self, name: &str) -> Key {
        self.fold_in(fnv1a(name))
    }

    /// The i-th 64 bits.
    pub const fn bits(self, i: u64) -> u64 {
        mix(self.0.wrapping_add(i))
    }

    /// The number that [`Key::bits`] adds a place to, for a kernel that computes them elsewhere.
    pub const fn number(self) -> u64 {
        self.0
    }

    /// The numbers 0 to `n - 1` in an order that depends on the key alone.
    pub fn permutation(self, n: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..n).collect();
        order.sort_by_cached_key(|&i| (self.bits(i as u64), i));
        order
    }

    /// The i-th number in [0, 1), a multiple of 2^-53.
    pub fn uniform(self, i: u64) -> f64 {
        (self.bits(i) >> 11) as f64 / (1u64 << 53) as f64
    }

    /// The i-th number in [-1, 1), a multiple of 2^-23, so that it is exact in f32.
    pub fn signed(self, i: u64) -> f64 {
        (self.bits(i) >> 40) as f64 / (1u64 << 23) as f64 - 1.0
    }

    /// The i-th number of a standard normal distribution (Box & Muller 1958).
    pub fn normal(self, i: u64) -> f64 {
        // 1 - u is in (0, 1], where the logarithm is finite
        let radius = (-2.0 * (1.0 - self.uniform(2 * i)).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform(2 * i + 1)).cos()
    }
}

/// One step of splitmix64 (Steele, Lea & Flood 2014) from a state.
const fn mix(state: u64) -> u64 {
    let z = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// FNV-1a, 64 bits (Fowler, Noll & Vo).
fn fnv1a(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The published first output of splitmix64 from state 0, and FNV-1a's of "a".
    #[test]
    fn published_values() {
        assert_eq!(mix(0), 0xE220_A839_7B1D_CDAF);
        assert_eq!(fnv1a("a"), 0xaf63_dc4c_8601_ec8c);
    }

    #[test]
    fn moments_are_those_of_the_distributions() {
        let key = Key::seed(7).fold_in_name("layer");
        let moments = |draw: &dyn Fn(u64) -> f64| {
            let n = 100_000u64;
            let values: Vec<f64> = (0..n).map(draw).collect();
            let mean = values.iter().sum::<f64>() / n as f64;
            let squares = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>();
            (mean, squares / n as f64)
        };
        let (mean, variance) = moments(&|i| key.uniform(i));
        assert!((mean - 0.5).abs() < 0.005 && (variance - 1.0 / 12.0).abs() < 0.002);
        let (mean, variance) = moments(&|i| key.normal(i));
        assert!(mean.abs() < 0.02 && (variance - 1.0).abs() < 0.03);
        assert_ne!(key.fold_in(1).bits(0), key.fold_in(2).bits(0));
    }
}
