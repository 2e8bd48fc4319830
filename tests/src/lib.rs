//! The package of the tests that need the whole house; they are in `tests/`.
