"""The only code that speaks to DynamoDB: repositories with plain values, over private tables (`rows`) and a private
connection (`dynamodb`). `infra/template.yaml` makes the tables; `tests/contract/` compares both (ADR 0096)."""
