-- wrk: asks for a token with the form in FORM.
wrk.method = "POST"
wrk.path = os.getenv("TOKEN_PATH") or "/oauth/token"
wrk.headers["Content-Type"] = "application/x-www-form-urlencoded"
wrk.body = os.getenv("FORM")
