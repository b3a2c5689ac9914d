//! Where in one piece of memory does each tensor of a program stand, so that none overlaps another that is
//! alive at the same time?

/// Every tensor begins at a multiple of so many bytes.
pub(crate) const ALIGNMENT: usize = 256;

/// A tensor of a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Piece {
    /// Its size.
    pub bytes: usize,
    /// The first and the last command that reads or writes it.
    pub alive: [usize; 2],
}

impl Piece {
    fn meets(&self, other: &Piece) -> bool {
        self.alive[0] <= other.alive[1] && other.alive[0] <= self.alive[1]
    }
}

/// For each piece where it begins, and how many bytes they take together. The largest are placed first,
/// each at the first place that is free as long as it is alive.
pub(crate) fn plan(pieces: &[Piece]) -> (Vec<usize>, usize) {
    let mut order: Vec<usize> = (0..pieces.len()).collect();
    order.sort_by_key(|&i| (std::cmp::Reverse(pieces[i].bytes), pieces[i].alive, i));
    let mut places = vec![0; pieces.len()];
    let mut total = 0;
    // those placed, by where they begin
    let mut placed: Vec<usize> = Vec::new();
    for i in order {
        let mut place = 0;
        for &other in &placed {
            let size = pieces[i].bytes.max(1);
            if pieces[other].meets(&pieces[i]) && places[other] < place + size {
                let end = places[other] + pieces[other].bytes;
                place = place.max(end.next_multiple_of(ALIGNMENT));
            }
        }
        places[i] = place;
        total = total.max(place + pieces[i].bytes);
        let at = placed.partition_point(|&other| places[other] <= place);
        placed.insert(at, i);
    }
    (places, total.next_multiple_of(ALIGNMENT))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn nothing_overlaps_what_is_alive_with_it(
            sizes in prop::collection::vec((1..5000usize, 0..40usize, 0..12usize), 0..60),
        ) {
            let pieces: Vec<Piece> = sizes
                .iter()
                .map(|&(bytes, from, length)| Piece { bytes, alive: [from, from + length] })
                .collect();
            let (places, total) = plan(&pieces);
            for (i, a) in pieces.iter().enumerate() {
                prop_assert!(places[i].is_multiple_of(ALIGNMENT) && places[i] + a.bytes <= total);
                for (j, b) in pieces.iter().enumerate().skip(i + 1) {
                    let apart = places[i] + a.bytes <= places[j] || places[j] + b.bytes <= places[i];
                    prop_assert!(apart || a.alive[1] < b.alive[0] || b.alive[1] < a.alive[0]);
                }
            }
        }
    }

    #[test]
    fn a_chain_takes_its_two_largest_neighbours() {
        let link = |i: usize| Piece {
            bytes: 1024,
            alive: [i, i + 1],
        };
        let (_, total) = plan(&[0, 1, 2, 3, 4].map(link));
        assert_eq!(total, 2048);
    }
}
