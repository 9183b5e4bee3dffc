"""One GraphQL request from its text to its answer: parse, validate, price, execute.

Error shapes: linear.app/developers/graphql. A document that does not fit the schema is refused
with 400; an error inside a fitting one sits beside whatever was done before it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from graphql import (
    DocumentNode,
    ExecutionResult,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    Undefined,
    build_schema,
    execute,
    get_operation_ast,
    parse,
    validate,
    value_from_ast_untyped,
)

from sandbox.linear import errors
from sandbox.linear.complexity import Estimator
from sandbox.linear.mutations import MUTATIONS
from sandbox.linear.resolvers import RESOLVERS, Context, Info, Resolver, default
from sandbox.linear.values import iso, parse_time, parse_time_or_duration

_HERE = Path(__file__).parent


def sdl() -> str:
    """The text of the toy's schema."""
    return "\n".join(_HERE.joinpath(name).read_text("utf-8") for name in ("schema.graphql", "inputs.graphql"))


@functools.cache
def build() -> GraphQLSchema:
    """The schema with its resolvers and scalars in place; it holds no workspace, so one serves all."""
    schema = build_schema(sdl())
    for type_name, resolvers in (RESOLVERS | {"Mutation": MUTATIONS}).items():
        kind = schema.type_map[type_name]
        assert isinstance(kind, GraphQLObjectType)
        for name, resolver in resolvers.items():
            root = type_name in ("Query", "Mutation")
            kind.fields[name].resolve = _guarded(resolver) if root else resolver
    _scalar(schema, "DateTime", _time(parse_time), iso)
    _scalar(schema, "DateTimeOrDuration", _time(parse_time_or_duration))
    return schema


def _scalar(
    schema: GraphQLSchema, name: str, read: Callable[[Any], int], write: Callable[[int], str] | None = None
) -> None:
    kind: Any = schema.type_map[name]
    # graphql-core 3.3 renamed what 3.2 calls parse_value and serialize.
    kind.parse_value = kind.coerce_input_value = read
    if write is not None:
        kind.serialize = kind.coerce_output_value = write


def _time(read: Callable[[str], int]) -> Callable[[Any], int]:
    def parse_value(value: Any) -> int:
        try:
            return read(str(value))
        except ValueError as error:
            raise GraphQLError(f"not a time: {value!r}") from error

    return parse_value


def _guarded(resolver: Resolver) -> Resolver:
    """A root resolver that fails where the request's script says so."""

    def resolve(source: Any, info: Info, **arguments: Any) -> Any:
        failure = info.context.failures.get(str(info.path.key))
        if failure is not None:
            raise failure
        if info.parent_type.name == "Mutation" and not info.context.state.may_write:
            raise errors.missing_scope("write")
        return resolver(source, info, **arguments)

    return resolve


@dataclass(frozen=True, slots=True)
class RootField:
    """One root field of an operation with its arguments: what a call is known by."""

    key: str
    """Its name in the answer."""
    name: str
    arguments: Mapping[str, Any]

    def issue_ref(self) -> str | None:
        """The issue it is about, as the client named it."""
        given = self.arguments.get("input")
        named = given.get("issueId") if isinstance(given, dict) else None
        if self.name.startswith("issue") and not self.name.startswith("issueLabel"):
            named = named or self.arguments.get("id")
        return named if isinstance(named, str) else None

    def comment_ref(self) -> str | None:
        """The comment it is about."""
        is_comment = self.name in ("comment", "commentUpdate", "commentDelete")
        named = self.arguments.get("id") if is_comment else None
        return named if isinstance(named, str) else None


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request that fits the schema."""

    document: DocumentNode
    operation: OperationDefinitionNode
    variables: dict[str, Any]
    operation_name: str | None
    cost: int
    write: bool
    fields: tuple[RootField, ...] = field(default=())


class Api:
    """The schema at work."""

    def __init__(self) -> None:
        self.schema = build()
        # A client sends the same few documents over and over; each is checked once.
        self._document = functools.lru_cache(maxsize=100)(self._checked)

    def _checked(self, text: str) -> DocumentNode:
        """The document, parsed and valid. Raises the refusal of one that is not."""
        try:
            document = parse(text)
        except GraphQLError as error:
            raise errors.wrong_document(error.message) from error
        problems = validate(self.schema, document)
        if problems:
            raise errors.wrong_document(problems[0].message)
        return document

    def prepare(self, request: Any) -> Prepared:
        """Read a request's JSON. Raises the refusal of one that does not fit the schema."""
        if not isinstance(request, dict) or not isinstance(request.get("query"), str):
            raise errors.wrong_document("the body must be a JSON object with a query")
        variables = request.get("variables") or {}
        if not isinstance(variables, dict):
            raise errors.wrong_document("variables must be a JSON object")
        document = self._document(request["query"])
        operation = get_operation_ast(document, request.get("operationName"))
        if operation is None:
            raise errors.wrong_document("operationName must name one of the document's operations")
        fragments = {
            node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
        }
        return Prepared(
            document,
            operation,
            variables,
            request.get("operationName"),
            Estimator(self.schema, fragments, variables).cost(operation),
            operation.operation is OperationType.MUTATION,
            tuple(_roots(operation.selection_set, fragments, variables)),
        )

    def execute(self, prepared: Prepared, context: Context) -> ExecutionResult:
        """Run a request under the workspace's lock: root fields in order, each done or refused."""
        with context.state.lock:
            result = execute(
                self.schema,
                prepared.document,
                context_value=context,
                variable_values=prepared.variables,
                operation_name=prepared.operation_name,
                field_resolver=default,
            )
        assert isinstance(result, ExecutionResult)
        return result


def _roots(
    selections: SelectionSetNode,
    fragments: Mapping[str, FragmentDefinitionNode],
    variables: dict[str, Any],
) -> list[RootField]:
    found: list[RootField] = []
    for node in selections.selections:
        if isinstance(node, FieldNode):
            key = node.alias.value if node.alias else node.name.value
            given = {
                argument.name.value: _known(value_from_ast_untyped(argument.value, variables))
                for argument in node.arguments or ()
            }
            found.append(RootField(key, node.name.value, given))
        elif isinstance(node, InlineFragmentNode):
            found += _roots(node.selection_set, fragments, variables)
        elif isinstance(node, FragmentSpreadNode):
            inner = fragments[node.name.value].selection_set
            found += _roots(inner, fragments, variables)
    return found


def _known(value: Any) -> Any:
    """The value without the places of variables that were not given."""
    if isinstance(value, dict):
        return {name: _known(part) for name, part in value.items() if part is not Undefined}
    if isinstance(value, list):
        return [_known(part) for part in value if part is not Undefined]
    return None if value is Undefined else value


def answer(result: ExecutionResult, input_error_status: int) -> tuple[int, dict[str, Any]]:
    """The HTTP status and the JSON of an executed request."""
    if not result.errors:
        return 200, {"data": result.data}
    status = 200
    told = []
    for problem in result.errors:
        refusal = problem.original_error
        if not isinstance(refusal, errors.LinearError):
            refusal = _foreign(problem)
        status = max(status, input_error_status if refusal.status is None else refusal.status)
        told.append(
            {
                "message": refusal.message,
                **({"path": problem.path} if problem.path else {}),
                **(
                    {"locations": [where._asdict() for where in problem.locations]}
                    if problem.locations
                    else {}
                ),
                "extensions": refusal.extensions,
            }
        )
    return status, {"errors": told, "data": result.data}


def _foreign(problem: GraphQLError) -> errors.LinearError:
    """The refusal of a request whose variables do not fit, or of a defect of the toy itself."""
    if problem.path is None:
        return errors.LinearError(problem.message, code="BAD_USER_INPUT", type="invalid input", status=400)
    return errors.internal(500)
