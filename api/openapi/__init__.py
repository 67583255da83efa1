"""The OpenAPI document, made from what views declare with `@operation`."""
