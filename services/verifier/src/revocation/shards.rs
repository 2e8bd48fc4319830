//! A map from ids to small values, in shards with a lock each.

use super::Full;
use std::collections::HashMap;
use std::collections::hash_map::{Entry, RandomState};
use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::{PoisonError, RwLock};
use uuid::Uuid;

/// With a million ids a shard has four thousand, so a sweep holds its lock
/// for tens of microseconds.
pub(super) const COUNT: usize = 256;

/// A value that is kept until a time.
pub(super) trait Expiring: Copy {
    /// Unix seconds.
    fn forget_at(&self) -> u32;
}

/// The map.
#[derive(Debug)]
pub(super) struct Shards<V> {
    hashing: Mixing,
    shards: Box<[Shard<V>]>,
}

/// What one sweep did.
pub(super) struct Swept {
    pub(super) dropped: usize,
    /// Table slots looked at, which is what a sweep costs.
    pub(super) visited: usize,
}

/// On its own cache line, so that a lock taken here slows no other shard.
#[derive(Debug)]
#[repr(align(128))]
struct Shard<V>(RwLock<HashMap<Id, V, Mixing>>);

impl<V: Expiring> Shards<V> {
    pub(super) fn new() -> Self {
        let hashing = Mixing::random();
        let shard = |_| Shard(RwLock::new(HashMap::with_hasher(hashing)));
        Self {
            hashing,
            shards: (0..COUNT).map(shard).collect(),
        }
    }

    pub(super) fn get(&self, id: Uuid) -> Option<V> {
        let id = Id(id.into_bytes());
        let shard = self
            .shard(id)
            .0
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        shard.get(&id).copied()
    }

    /// Changes the value of `id`, or adds the one that `new` gives.
    pub(super) fn upsert(
        &self,
        id: Uuid,
        new: impl FnOnce() -> Option<V>,
        change: impl FnOnce(&mut V),
    ) -> Result<(), Full> {
        let id = Id(id.into_bytes());
        let mut shard = self
            .shard(id)
            .0
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        match shard.entry(id) {
            Entry::Occupied(mut old) => change(old.get_mut()),
            Entry::Vacant(place) => {
                place.insert(new().ok_or(Full)?);
            }
        }
        Ok(())
    }

    /// Drops what was to be forgotten before `dead_before` from the shard
    /// `at`, and gives back memory when most of the shard is empty.
    pub(super) fn sweep(&self, at: usize, dead_before: u32) -> Swept {
        let mut shard = self.shards[at]
            .0
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let (visited, before) = (shard.capacity(), shard.len());
        shard.retain(|_, value| value.forget_at() >= dead_before);
        let after = shard.len();
        if visited > 64 && after < visited / 4 {
            shard.shrink_to(after * 2);
        }
        Swept {
            dropped: before - after,
            visited,
        }
    }

    fn shard(&self, id: Id) -> &Shard<V> {
        // Not the bits the table inside uses: the lowest and the highest 7.
        let middle = (self.hashing.hash_one(id) >> 32) as usize;
        &self.shards[middle % COUNT]
    }
}

/// An id, aligned to one byte so that an entry has no padding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Id([u8; 16]);

impl Hash for Id {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u128(u128::from_ne_bytes(self.0));
    }
}

/// A keyed hash of one 128-bit id: the two halves of a UUIDv7 (its time,
/// and its randomness with the placement byte) multiplied into each other,
/// so that neither a common time nor a common last byte lands in one place.
#[derive(Debug, Clone, Copy)]
struct Mixing {
    keys: [u64; 2],
}

impl Mixing {
    fn random() -> Self {
        let random = RandomState::new();
        Self {
            keys: [random.hash_one(0), random.hash_one(1)],
        }
    }
}

impl BuildHasher for Mixing {
    type Hasher = Mixer;

    fn build_hasher(&self) -> Mixer {
        Mixer {
            keys: self.keys,
            mixed: 0,
        }
    }
}

#[derive(Debug)]
struct Mixer {
    keys: [u64; 2],
    mixed: u64,
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "it takes a number's two halves"
)]
impl Hasher for Mixer {
    fn write_u128(&mut self, id: u128) {
        let (low, high) = (id as u64, (id >> 64) as u64);
        let product = u128::from(low ^ self.keys[0]) * u128::from(high ^ self.keys[1]);
        self.mixed ^= product as u64 ^ (product >> 64) as u64;
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u128(u128::from(self.mixed) << 64 | u128::from(byte));
        }
    }

    fn finish(&self) -> u64 {
        self.mixed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ids as one busy millisecond makes them for people who share a
    /// placement byte: only 54 bits in the middle differ.
    fn related_id(n: u64) -> Uuid {
        let random = u128::from(n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 10);
        Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0042 | random << 8)
    }

    #[test]
    fn related_ids_are_spread_evenly() {
        let shards = Shards::<Kept>::new();
        let mut counts = [0_u32; COUNT];
        for n in 0..256_000 {
            let id = Id(related_id(n).into_bytes());
            let place = (shards.hashing.hash_one(id) >> 32) as usize % COUNT;
            counts[place] += 1;
        }
        // A thousand each is expected, with a deviation of 32.
        assert!(
            counts.iter().all(|count| (800..1200).contains(count)),
            "{counts:?}"
        );
    }

    #[test]
    fn ids_that_differ_only_in_one_half_have_different_hashes() {
        let hashing = Mixing::random();
        let hash = |n: u128| hashing.hash_one(Id(n.to_ne_bytes()));
        for bit in 0..127 {
            assert_ne!(hash(1 << 127 | 1 << bit), hash(1 << 127), "bit {bit}");
        }
    }

    #[derive(Clone, Copy)]
    struct Kept;

    impl Expiring for Kept {
        fn forget_at(&self) -> u32 {
            u32::MAX
        }
    }

    #[test]
    fn an_entry_has_no_padding() {
        assert_eq!(size_of::<(Id, u32)>(), 20);
    }
}
