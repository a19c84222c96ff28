# ruff: noqa: N802 - Jinja2 finds a visitor's method by the name of the node
"""Rewrites a parsed template so that nothing in it runs unmeasured, and refuses what a letter has no need of. Called by
`sandbox.py` between parsing and compiling.

The sandbox of Jinja2 lets operators be intercepted, but not `~`, loops, literals, slices and comparisons: these are
wrapped here in private filters.
"""

from collections.abc import Mapping

from jinja2 import nodes
from jinja2.visitor import NodeTransformer

from chalicelib.errors import RenderError

COUNTED, JOINED, STEPPED, WEIGHED = "_counted", "_joined", "_stepped", "_weighed"
PRIVATE = frozenset({COUNTED, JOINED, STEPPED, WEIGHED})

_REFUSED: Mapping[type[nodes.Node], str] = {
    nodes.Extends: "extends",
    nodes.Include: "include",
    nodes.Import: "import",
    nodes.FromImport: "from … import",
    nodes.Block: "block",
    nodes.ScopedEvalContextModifier: "autoescape",
    nodes.Pow: "**",
}


class Guard(NodeTransformer):
    """One use is one template. Raises: RenderError `forbidden` (permanent) from `visit`."""

    def __init__(self, filters: Mapping[str, object], tests: Mapping[str, object]) -> None:
        self._filters = filters
        self._tests = tests

    def generic_visit(self, node: nodes.Node, *args: object, **kwargs: object) -> nodes.Node:
        """Every node passes here, so that a refused kind cannot hide below another."""
        if (name := _REFUSED.get(type(node))) is not None:
            raise RenderError("forbidden", f"line {node.lineno}: `{name}` is not for letters")
        return super().generic_visit(node, *args, **kwargs)

    def visit_For(self, node: nodes.For) -> nodes.Node:
        """Each turn is counted; the recursive kind would go round its counter."""
        if node.recursive:
            raise RenderError("forbidden", f"line {node.lineno}: a recursive loop is not for letters")
        self.generic_visit(node)
        node.iter = _wrap(node.iter, COUNTED)
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:
        """`a ~ b`"""
        self.generic_visit(node)
        return _wrap(nodes.List(node.nodes, lineno=node.lineno), JOINED)

    def visit_Compare(self, node: nodes.Compare) -> nodes.Node:
        """`a == b == c`"""
        self.generic_visit(node)
        node.expr = _wrap(node.expr, STEPPED)
        for operand in node.ops:
            operand.expr = _wrap(operand.expr, STEPPED)
        return node

    def visit_Getitem(self, node: nodes.Getitem) -> nodes.Node:
        """`a[1:]` copies; `a[1]` does not."""
        self.generic_visit(node)
        return _wrap(node, WEIGHED) if isinstance(node.arg, nodes.Slice) else node

    def visit_List(self, node: nodes.List) -> nodes.Node:
        """`[a, b]`"""
        self.generic_visit(node)
        return _wrap(node, WEIGHED)

    def visit_Dict(self, node: nodes.Dict) -> nodes.Node:
        """`{a: b}`"""
        self.generic_visit(node)
        return _wrap(node, WEIGHED)

    def visit_Tuple(self, node: nodes.Tuple) -> nodes.Node:
        """`(a, b)`; as the target of an assignment it stays."""
        self.generic_visit(node)
        return _wrap(node, WEIGHED) if node.ctx == "load" else node

    def visit_Filter(self, node: nodes.Filter) -> nodes.Node:
        """Only filters of the list."""
        self._require(node, node.name, self._filters, "filter")
        return self.generic_visit(node)

    def visit_Test(self, node: nodes.Test) -> nodes.Node:
        """Only tests of the list."""
        self._require(node, node.name, self._tests, "test")
        return self.generic_visit(node)

    def _require(self, node: nodes.Node, name: str, known: Mapping[str, object], kind: str) -> None:
        if name not in known or name in PRIVATE:
            listed = ", ".join(sorted(set(known) - PRIVATE))
            raise RenderError(
                "forbidden", f"line {node.lineno}: no {kind} `{name[:40]}` for letters; there are: {listed}"
            )


def _wrap(node: nodes.Node, private: str) -> nodes.Expr:
    return nodes.Filter(node, private, [], [], None, None, lineno=node.lineno)
