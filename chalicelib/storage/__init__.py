"""PynamoDB tables: shapes and keys, no decisions. `infra/template.yaml` makes them; `tests/contract/` compares both."""
