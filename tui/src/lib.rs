//! countersign-tui
