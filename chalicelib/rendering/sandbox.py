"""The Jinja2 environment in which letters run. Managers write templates, so they are untrusted code: attributes and
calls are allowed by list, and all work is charged to a `Budget`."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from jinja2 import Template, TemplateSyntaxError, nodes, pass_context, pass_eval_context
from jinja2.lexer import Token, TokenStream
from jinja2.parser import Parser
from jinja2.runtime import Context, LoopContext, Macro, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace
from markupsafe import Markup

from chalicelib.errors import Phrase, RenderError
from chalicelib.reasons import Reason
from chalicelib.rendering import filters
from chalicelib.rendering import render_limits as budget
from chalicelib.rendering import sandbox_ast as guard
from chalicelib.rendering.localized_filters import require_scalar
from chalicelib.rendering.model import MAX_SOURCE_BYTES
from chalicelib.rendering.template_faults import OF_THE_LAYOUT, NamedUndefined
from chalicelib.rendering.untrusted_text import isolated

MAX_TOKENS = 10_000

_TEXT_METHODS = frozenset({"capitalize", "count", "endswith", "find", "isdigit", "lower", "lstrip"}) | frozenset(
    {"rstrip", "split", "startswith", "strip", "title", "upper"}
)
_METHODS: Mapping[type, frozenset[str]] = {
    str: _TEXT_METHODS,
    Markup: _TEXT_METHODS,
    list: frozenset({"count", "index"}),
    dict: frozenset({"get", "items", "keys", "values"}),
    LoopContext: frozenset({"changed", "cycle", "first", "index", "index0", "last", "length"})
    | frozenset({"nextitem", "previtem", "revindex", "revindex0"}),
}


@pass_context
def _print(_context: Context, value: Any) -> Any:
    """Every `{{ … }}`. Taking the context keeps Jinja2 from evaluating constants while it compiles."""
    if value is None:
        return ""
    if isinstance(value, str):
        budget.current().make(len(value))
        return isolated(value)
    return require_scalar(value)


def _join_checked(parts: Iterable[str]) -> str:
    """Joins the output of a macro or a `{% set %}` block."""
    texts = list(parts)
    budget.current().make(sum(map(len, texts)))
    return "".join(texts)


def _range(*bounds: int) -> range:
    made = range(*bounds)
    if len(made[: budget.MAX_ITEMS + 1]) > budget.MAX_ITEMS:
        raise RenderError(Reason.TOO_LARGE, Phrase("a range of over {most} numbers", most=budget.MAX_ITEMS))
    return made


class LetterEnvironment(ImmutableSandboxedEnvironment):
    """`from_string` makes templates that `run` renders; nothing else of Jinja2's loading is available."""

    code_generator_class = guard.LetterCode
    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%", "**"})
    concat = staticmethod(_join_checked)

    def __init__(self, *, autoescape: bool, trim: bool) -> None:
        super().__init__(
            autoescape=autoescape,
            trim_blocks=trim,
            lstrip_blocks=trim,
            undefined=NamedUndefined,
            finalize=_print,
            optimized=False,  # the optimizer would run filters and operators at compile time, outside any budget
            cache_size=0,
        )
        self.globals = {"range": _range, "namespace": Namespace}
        self.filters = {
            **filters.FILTERS,
            guard.COUNTED: budget.counted,
            guard.JOINED: pass_eval_context(filters.join),
            guard.STEPPED: budget.stepped,
            guard.WEIGHED: budget.weighed,
        }
        self.tests = dict(filters.TESTS)

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:  # noqa: ARG002
        return self.tree(source)

    def tree(self, source: str, lines: Sequence[int] | None = None) -> nodes.Template:
        """The source, parsed and guarded. `lines` are those of its tags in the author's file, if the source was made
        from one."""
        parser = Parser(self, "")
        parser.stream = TokenStream(_placed(self.lexer.wrap(self.lexer.tokeniter(source, None)), lines), None, None)
        try:
            tree = parser.parse()
        except (RenderError, TemplateSyntaxError):
            raise
        except Exception as error:
            line = max(parser.stream.current.lineno, 0)
            raise RenderError(
                Reason.SYNTAX,
                Phrase("too deep or too big an expression ({kind})", kind=type(error).__name__),
                line=line,
            ) from error
        return guard.Guard(self.filters, self.tests).visit(tree)  # type: ignore[no-any-return]

    def getattr(self, obj: Any, attribute: str) -> Any:
        """An object's field takes precedence over a method: `digest.items` is the digest's."""
        if type(obj) is dict:
            if attribute in obj:
                return obj[attribute]
            if attribute not in _METHODS[dict]:
                return self._absent(obj, attribute)
        return super().getattr(obj, attribute)

    def _absent(self, obj: Any, attribute: str) -> Undefined:
        if attribute.startswith("_"):
            return self.unsafe_undefined(obj, attribute)
        return self.undefined(obj=obj, name=attribute)

    def assignable(self, obj: Any) -> Namespace:
        """Objects whose fields a template may assign: those that it made itself by `namespace()`."""
        if not isinstance(obj, Namespace):
            raise RenderError(Reason.FORBIDDEN, Phrase("only fields of a `namespace` can be set"))
        return obj

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:  # noqa: ARG002
        """By list; for a letter nothing else exists."""
        if isinstance(obj, Namespace):
            return not attr.startswith("_")
        return attr in _METHODS.get(type(obj), frozenset())

    def wrap_str_format(self, value: Any) -> Callable[..., str] | None:  # noqa: ARG002
        """`str.format` is treated like any other attribute: not on the list."""
        return None

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805
        """Macros, the allowed methods, `range` and `namespace`; Jinja2 dictates the signature."""
        purse = budget.current()
        purse.step()
        with purse.deeper():
            result = super().call(__context, __obj, *args, **kwargs)
        if isinstance(result, str):
            if not isinstance(__obj, Macro):  # a macro's text was charged when it was joined
                purse.make(len(result))
        elif isinstance(result, list):
            budget.weighed(result)
        return result

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """`+ - * / // %`, each with operands whose result stays small."""
        purse = budget.current()
        purse.step()
        for operand in (left, right):
            if isinstance(operand, int) and operand.bit_length() > guard.MAX_INTEGER_BITS:
                raise RenderError(Reason.TOO_LARGE, Phrase("a number of over 38 digits"))
        if operator == "%" and isinstance(left, str):
            raise RenderError(Reason.FORBIDDEN, Phrase("`%` does not format texts in letters; use `~`"))
        if operator in "+*" and isinstance(left, str | list | tuple) | isinstance(right, str | list | tuple):
            return self._repeat_or_add(operator, left, right)
        return super().call_binop(context, operator, left, right)

    def _repeat_or_add(self, operator: str, left: Any, right: Any) -> Any:
        sized, count = (right, left) if isinstance(left, int) else (left, right)
        if operator == "*" and isinstance(count, int):
            size = len(sized) * max(count, 0)
            budget.current().make(size)
            if not isinstance(sized, str) and size > budget.MAX_ITEMS:
                raise RenderError(Reason.TOO_LARGE, Phrase("a list of over {most} items", most=budget.MAX_ITEMS))
        result = self.binop_table[operator](left, right)
        return budget.weighed(result)


@cache
def environment(*, autoescape: bool, trim: bool = False) -> LetterEnvironment:
    """The environments of the process: they hold no state of a letter."""
    return LetterEnvironment(autoescape=autoescape, trim=trim)


def compile_source(source: str, sandbox: LetterEnvironment, lines: Sequence[int] | None = None) -> Template:
    """Charged to the budget in force; may raise anything: see `template_faults.py`."""
    template = sandbox.from_string(_bounded_tree(source, sandbox, lines))
    template.globals = dict(template.globals)  # Jinja2's chain of mappings is copied for every letter, ten times slower
    return template


def check_source(source: str, sandbox: LetterEnvironment) -> None:
    """As `compile_source`, without what only rendering needs."""
    _bounded_tree(source, sandbox, None)


def names_in(source: str, sandbox: LetterEnvironment) -> set[str]:
    """The names that the caller has to provide."""
    from jinja2 import meta  # here: a process that only sends does not need it

    tracker = meta.TrackingCodeGenerator(sandbox)
    tracker.optimizer = None  # it would run filters of constants here, as `meta.find_undeclared_variables` lets it
    tracker.visit(_bounded_tree(source, sandbox, None))
    return tracker.undeclared_identifiers


def _bounded_tree(source: str, sandbox: LetterEnvironment, lines: Sequence[int] | None) -> nodes.Template:
    # A source is bounded where it is stored (`model.py`); the layout and the inlined styles come on top of it.
    if len(source) > 2 * MAX_SOURCE_BYTES:
        raise RenderError(
            Reason.TOO_LARGE, Phrase("the whole letter is over {size} characters", size=2 * MAX_SOURCE_BYTES)
        )
    return sandbox.tree(source, lines)


def _placed(tokens: Iterable[Token], lines: Sequence[int] | None) -> Iterator[Token]:
    """Each token is a step of the budget, and gets the line in which the author wrote it."""
    purse, left, shift = budget.current(), iter(lines or ()), 0
    for count, token in enumerate(tokens, start=1):
        purse.step()
        if count > MAX_TOKENS:
            raise RenderError(
                Reason.TOO_LARGE,
                Phrase("the template has over {most} Jinja tokens", most=MAX_TOKENS),
                line=token.lineno,
            )
        if lines is not None:
            if token.type in ("block_begin", "variable_begin"):
                shift = next(left, OF_THE_LAYOUT) - token.lineno
            token = token._replace(lineno=token.lineno + shift)
        yield token


def run(template: Template, names: Mapping[str, Any]) -> str:
    """The text of one part, charged to the budget in force; may raise anything: see `template_faults.py`."""
    purse = budget.current()
    purse.code = template.root_render_func.__code__
    texts, size = [], 0
    for text in template.root_render_func(template.new_context(dict(names))):
        size += len(text)
        if size > budget.MAX_OUTPUT_CHARS:
            purse.make(size)
        texts.append(text)
    return "".join(texts)
