//! Facts to text: inventory, graph.
