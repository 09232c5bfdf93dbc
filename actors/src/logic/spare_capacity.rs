//! [`PeakSize`]: frees the memory of a map that was once much larger.

use std::{collections::HashMap, hash::Hash};

/// A map with at most this peak size keeps its memory.
const KEPT_PEAK: usize = 64;

/// The largest size of a map since it was last shrunk. A shrink sets this value to the requested capacity, which is twice the
/// remaining size. The capacity that the map reports is not suitable, because it can shrink with a removal.
#[derive(Clone, Copy, Debug, Default)]
pub struct PeakSize(usize);

impl PeakSize {
    /// Records the size of the map. Call this after insertions.
    pub fn note<K, V>(&mut self, map: &HashMap<K, V>) {
        self.0 = self.0.max(map.len());
    }

    /// Shrinks the map if it has lost most of its elements. Call this after removals. Shrinking moves the remaining elements.
    /// Since the peak, more elements were removed than remain, so the cost for each removal is small on average.
    pub fn release_spare<K: Eq + Hash, V>(&mut self, map: &mut HashMap<K, V>) {
        if self.0 > KEPT_PEAK && map.len() < self.0 / 8 {
            self.0 = map.len() * 2;
            map.shrink_to(self.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(elements: u32) -> (HashMap<u32, ()>, PeakSize) {
        let (map, mut peak) = ((0..elements).map(|number| (number, ())).collect(), PeakSize::default());
        peak.note(&map);
        (map, peak)
    }

    #[test]
    fn a_large_map_gives_memory_back_as_its_elements_are_removed() {
        let (mut map, mut peak) = map(100_000);
        for number in 1..100_000 {
            map.remove(&number);
            peak.release_spare(&mut map);
        }
        assert!(map.capacity() <= KEPT_PEAK && map.contains_key(&0), "{}", map.capacity());
    }

    #[test]
    fn a_map_that_keeps_an_eighth_of_its_peak_keeps_its_memory() {
        let (mut map, mut peak) = map(10_000);
        for number in 0..8_000 {
            map.remove(&number);
            peak.release_spare(&mut map);
        }
        assert_eq!(peak.0, 10_000);
    }
}
