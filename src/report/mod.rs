//! Facts to text: inventory, graph, audits.
pub mod audit_json;
pub mod audit_text;
pub mod audit_words;
pub mod graph;
pub mod junit;
pub mod sarif;
pub mod sbom;
