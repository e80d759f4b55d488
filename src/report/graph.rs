//! The graph of recipes as text, as DOT and as JSON.
//!
//! Does not read recipes, and does not order them.

use serde::Serialize;

use crate::model::recipe::{Recipe, RecipeName};

/// Recipes in the order in which they can be built.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Graph {
    pub recipes: Vec<Node>,
}

/// One recipe and what it is built after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Node {
    pub name: RecipeName,
    pub version: String,
    pub needs: Vec<RecipeName>,
    /// Those tools that are recipes.
    pub tools: Vec<RecipeName>,
    /// The longest way down to a recipe that needs nothing: what has the same number can be built at once.
    pub level: usize,
}

impl Graph {
    /// Takes recipes that are in order.
    pub fn new(recipes: &[&Recipe]) -> Graph {
        let mut nodes: Vec<Node> = Vec::new();
        let known = |name: &str| recipes.iter().any(|recipe| recipe.name.as_str() == name);
        for recipe in recipes {
            let tools: Vec<RecipeName> = recipe
                .tools
                .iter()
                .filter(|tool| known(tool))
                .filter_map(|tool| RecipeName::parse(tool).ok())
                .collect();
            let below = nodes.iter().filter(|node| recipe.needs.contains(&node.name) || tools.contains(&node.name));
            let level = below.map(|node| node.level + 1).max().unwrap_or(0);
            let (name, version, needs) = (recipe.name.clone(), recipe.version.clone(), recipe.needs.clone());
            nodes.push(Node { name, version, needs, tools, level });
        }
        Graph { recipes: nodes }
    }

    /// A line per recipe, in the order in which they can be built: `libpng 1.6.43 needs zlib; tools cmake`.
    pub fn text(&self) -> String {
        let list = |names: &[RecipeName]| names.iter().map(RecipeName::as_str).collect::<Vec<_>>().join(", ");
        let line = |node: &Node| {
            let needs = if node.needs.is_empty() { String::new() } else { format!(" needs {}", list(&node.needs)) };
            let tools = if node.tools.is_empty() { String::new() } else { format!(" made with {}", list(&node.tools)) };
            format!("{} {}{needs}{tools}\n", node.name, node.version)
        };
        self.recipes.iter().map(line).collect()
    }

    /// The graph for graphviz; an arrow points to what is needed, a dashed one to what is only a tool.
    pub fn dot(&self) -> String {
        let mut dot = String::from("digraph recipes {\n    rankdir = \"LR\";\n    node [shape = \"box\"];\n");
        for node in &self.recipes {
            dot.push_str(&format!("    \"{0}\" [label = \"{0}\\n{1}\"];\n", node.name, node.version));
        }
        for node in &self.recipes {
            node.needs.iter().for_each(|need| dot.push_str(&format!("    \"{}\" -> \"{need}\";\n", node.name)));
            let tools = node.tools.iter();
            tools
                .for_each(|tool| dot.push_str(&format!("    \"{}\" -> \"{tool}\" [style = \"dashed\"];\n", node.name)));
        }
        dot + "}\n"
    }
}
