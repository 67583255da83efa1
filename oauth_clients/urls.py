"""Mounted at the root. The toolkit's metadata view finds the endpoints by the toolkit's names for them."""

urlpatterns: list = []
