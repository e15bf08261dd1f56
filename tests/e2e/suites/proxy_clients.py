"""Two proxy clients that nobody here wrote (aiohttp, requests), as the contract calls the proxy: HTTPS, mutual TLS, Basic.

argv: the enrolment folder, the terminal port, the token, then URLs. One JSON line for each client and URL: what came of it.
"""

import asyncio
import json
import ssl
import sys

import aiohttp
import requests
from requests.adapters import HTTPAdapter

folder, port, token, *urls = sys.argv[1:]
proxy = f"https://{token}:@localhost:{port}"

context = ssl.create_default_context(cafile=f"{folder}/trust.pem")
context.load_verify_locations(f"{folder}/inspection.pem")
context.load_cert_chain(f"{folder}/terminal.pem", f"{folder}/terminal.key")


class Adapter(HTTPAdapter):
    """urllib3 takes the TLS of the proxy from here; requests has no setting for it."""

    def proxy_manager_for(self, proxy, **settings):
        return super().proxy_manager_for(proxy, proxy_ssl_context=context, **settings)


async def within_aiohttp(url):
    async with aiohttp.ClientSession() as session:
        async with session.get(url, proxy=proxy, ssl=context) as answer:
            return answer.status, answer.headers.get("proxy-status", "")


def by_aiohttp(url):
    return asyncio.run(within_aiohttp(url))


def by_requests(url):
    with requests.Session() as session:
        session.trust_env = False
        session.mount("https://", Adapter())
        answer = session.get(url, proxies={"https": proxy}, verify=f"{folder}/inspection.pem", timeout=20)
        return answer.status_code, answer.headers.get("proxy-status", "")


for name, ask in [("aiohttp", by_aiohttp), ("requests", by_requests)]:
    for url in urls:
        try:
            status, told = ask(url)
            came = {"status": status, "told": told}
        except (aiohttp.ClientError, requests.RequestException) as error:
            came = {"error": str(error)}
        print(json.dumps({"client": name, "url": url, **came}))
