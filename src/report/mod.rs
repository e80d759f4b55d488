//! Facts to text: inventory, graph.
pub mod graph;
