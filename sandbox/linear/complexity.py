"""What a query costs: 0.1 a scalar, 1 an object, a list's children times its ``first`` or ``last``.

The published rule of linear.app/developers/rate-limiting; a page counts as 50 where neither is given.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
    get_named_type,
    is_leaf_type,
)

DEFAULT_PAGE = 50


class Estimator:
    """Counts one document's cost with its variables known."""

    def __init__(
        self,
        schema: GraphQLSchema,
        fragments: Mapping[str, FragmentDefinitionNode],
        variables: Mapping[str, Any],
    ) -> None:
        self._schema = schema
        self._fragments = fragments
        self._variables = variables

    def cost(self, operation: OperationDefinitionNode) -> int:
        """The points of an operation of a valid document, rounded up."""
        root = self._schema.get_root_type(operation.operation)
        return math.ceil(round(self._of(operation.selection_set, root), 6))

    def _of(self, selections: SelectionSetNode | None, parent: GraphQLNamedType | None) -> float:
        total = 0.0
        for node in selections.selections if selections else ():
            if isinstance(node, FieldNode):
                total += self._field(node, parent)
            elif isinstance(node, InlineFragmentNode):
                narrowed = node.type_condition and self._schema.get_type(node.type_condition.name.value)
                total += self._of(node.selection_set, narrowed or parent)
            elif isinstance(node, FragmentSpreadNode):
                fragment = self._fragments[node.name.value]
                narrowed = self._schema.get_type(fragment.type_condition.name.value)
                total += self._of(fragment.selection_set, narrowed)
        return total

    def _field(self, node: FieldNode, parent: GraphQLNamedType | None) -> float:
        name = node.name.value
        if name.startswith("__") or not isinstance(parent, GraphQLObjectType):
            return 0.0
        kind = get_named_type(parent.fields[name].type)
        if is_leaf_type(kind):
            return 0.1
        if not kind.name.endswith("Connection"):
            # A page's own facts are not an object of the workspace.
            own = 0.0 if kind.name == "PageInfo" else 1.0
            return own + self._of(node.selection_set, kind)
        return 1.0 + self._page(node, kind)

    def _page(self, node: FieldNode, kind: GraphQLNamedType) -> float:
        total = 0.0
        for child in node.selection_set.selections if node.selection_set else ():
            single = SelectionSetNode(selections=(child,))
            times = 1 if isinstance(child, FieldNode) and child.name.value == "pageInfo" else self._size(node)
            total += times * self._of(single, kind)
        return total

    def _size(self, node: FieldNode) -> int:
        for argument in node.arguments or ():
            if argument.name.value not in ("first", "last"):
                continue
            if isinstance(argument.value, IntValueNode):
                return int(argument.value.value)
            if isinstance(argument.value, VariableNode):
                asked = self._variables.get(argument.value.name.value)
                return asked if isinstance(asked, int) else DEFAULT_PAGE
        return DEFAULT_PAGE
