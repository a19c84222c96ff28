# ruff: noqa: N802 - Jinja2 finds a visitor's method by the name of the node
"""Rewrites a parsed template so that nothing in it runs unmeasured, and refuses what a letter does not need.

Jinja2's sandbox can intercept operators, but not `~`, loops, literals, slices and comparisons: these are wrapped here
in private filters.
"""

from collections.abc import Mapping

from jinja2 import nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.visitor import NodeTransformer

from chalicelib.errors import Phrase, RenderError
from chalicelib.reasons import Reason

COUNTED, JOINED, STEPPED, WEIGHED = "_counted", "_joined", "_stepped", "_weighed"
MAX_DEPTH, MAX_LOOPS = 50, 10
MAX_INTEGER_BITS = 128
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
    """For one template. Raises: RenderError `forbidden` (permanent) from `visit`."""

    def __init__(self, filters: Mapping[str, object], tests: Mapping[str, object]) -> None:
        self._filters = filters
        self._tests = tests
        self._depth = self._loops = 0

    def generic_visit(self, node: nodes.Node, *args: object, **kwargs: object) -> nodes.Node:
        """Every node passes here, so that a refused kind cannot hide below another, and none is too deep for what
        compiles it: Jinja2 and Python recurse once per level."""
        if (name := _REFUSED.get(type(node))) is not None:
            raise RenderError(
                Reason.FORBIDDEN, Phrase("`{name}` is not allowed in letters", name=name), line=node.lineno
            )
        if self._depth >= MAX_DEPTH:
            raise RenderError(
                Reason.TOO_LARGE, Phrase("it is nested over {most} levels deep", most=MAX_DEPTH), line=node.lineno
            )
        self._depth += 1
        visited = super().generic_visit(node, *args, **kwargs)
        self._depth -= 1
        return visited

    def visit_Const(self, node: nodes.Const) -> nodes.Node:
        """A number of over 38 digits has no place in a letter, and Python neither prints all of them nor reads them
        back."""
        value = node.value
        if isinstance(value, int | float) and abs(value) >= 2**MAX_INTEGER_BITS:
            raise RenderError(Reason.TOO_LARGE, Phrase("a number of over 38 digits"), line=node.lineno)
        return node

    def visit_For(self, node: nodes.For) -> nodes.Node:
        """Each iteration is counted; a recursive loop would bypass its counter."""
        if node.recursive:
            raise RenderError(Reason.FORBIDDEN, Phrase("recursive loops are not allowed in letters"), line=node.lineno)
        self._loops += 1
        if self._loops > MAX_LOOPS:  # Python compiles at most twenty
            raise RenderError(
                Reason.TOO_LARGE, Phrase("over {most} loops stand inside one another", most=MAX_LOOPS), line=node.lineno
            )
        self.generic_visit(node)
        self._loops -= 1
        node.iter = _wrap(node.iter, COUNTED)
        return node

    def visit_If(self, node: nodes.If) -> nodes.Node:
        """Each `elif` is one more level for Python's compiler."""
        if len(node.elif_) > MAX_DEPTH:
            raise RenderError(
                Reason.TOO_LARGE,
                Phrase("over {most} `elif` in one `if`", most=MAX_DEPTH),
                line=node.elif_[MAX_DEPTH].lineno,
            )
        return self.generic_visit(node)

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
        """`a[1:]` copies; `a[1]` does not. Python warns about `1[2:]` in code, which nobody should see."""
        self.generic_visit(node)
        if not isinstance(node.arg, nodes.Slice):
            return node
        node.node = _wrap(node.node, STEPPED)
        return _wrap(node, WEIGHED)

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
        self._require(node, node.name, self._filters, Phrase("filter"))
        return self.generic_visit(node)

    def visit_Test(self, node: nodes.Test) -> nodes.Node:
        """Only tests of the list."""
        self._require(node, node.name, self._tests, Phrase("test"))
        return self.generic_visit(node)

    def _require(self, node: nodes.Node, name: str, known: Mapping[str, object], kind: Phrase) -> None:
        if name not in known or name in PRIVATE:
            listed = ", ".join(sorted(set(known) - PRIVATE))
            said = Phrase(
                "letters have no {kind} `{name}`; there are: {known}", kind=kind, name=name[:40], known=listed
            )
            raise RenderError(Reason.FORBIDDEN, said, line=node.lineno)


class LetterCode(CodeGenerator):
    """Writes the code of a guarded template. Jinja2's own checks what `{% set a.b = c %}` assigns to, but not `{% set
    a.b %}…{% endset %}`, so that one letter could write into what the next ones read."""

    def visit_Assign(self, node: nodes.Assign, frame: Frame) -> None:
        """`{% set a = b %}`"""
        self.push_assign_tracking()
        self.newline(node)
        self.visit(node.target, frame)
        self.write(" = ")
        self.visit(node.node, frame)
        self.pop_assign_tracking(frame)

    def visit_NSRef(self, node: nodes.NSRef, frame: Frame) -> None:
        """`a.b` as a target."""
        self.write(f"environment.assignable({frame.symbols.ref(node.name)})[{node.attr!r}]")


def _wrap(node: nodes.Node, private: str) -> nodes.Expr:
    return nodes.Filter(node, private, [], [], None, None, lineno=node.lineno)
