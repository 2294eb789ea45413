"""Every error as RFC 9457 problem details. One literal table says which error type has which HTTP status.

A problem is `{type, title, title_zh, status, detail, instance, details}`: `detail` names the value and what to do,
`details` holds the same facts as data. A fault of our own says only an incident number, which the log has too.
"""

from __future__ import annotations

import errno
import logging
import re
import secrets
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from gridgov import errors
from gridgov.errors import GridgovError
from gridgov.geo import Words
from gridgov.store.watching import CURRENT
from maps.pages import PAGE_POLICY, problem_page, rooted

LOG = logging.getLogger("gridgov.api")
MEDIA_TYPE: Final = "application/problem+json"

# error type → (status, title, Chinese title); a type that is not here has its parent's row.
STATUSES: Final[Mapping[type[GridgovError], tuple[int, str, str]]] = MappingProxyType(
    {
        GridgovError: (500, "The service is at fault", "服务出错"),
        errors.InvalidInput: (400, "The request cannot be used as it is", "请求内容有误"),
        errors.UnknownCoordinateSystem: (400, "Unknown coordinate system", "未知坐标系"),
        errors.CoordinateSystemNeeded: (400, "The coordinate system must be confirmed", "需要确认坐标系"),
        errors.UnsupportedDatum: (400, "This datum cannot be converted", "无法转换的坐标基准"),
        errors.InvalidGeometry: (400, "The geometry cannot be used", "图形无法使用"),
        errors.OutOfRange: (400, "A number is out of range", "数值超出范围"),
        errors.UnknownField: (400, "Unknown field or parameter", "未知字段或参数"),
        errors.InvalidValue: (400, "A value cannot be used", "取值有误"),
        errors.InvalidFilter: (400, "The filter cannot be read", "筛选条件有误"),
        errors.InvalidCursor: (400, "The paging cursor cannot be used", "翻页标记无效"),
        errors.UnreadableFile: (400, "The file cannot be read", "文件无法读取"),
        errors.UnsupportedFormat: (415, "This format is not read here", "不支持的文件格式"),
        errors.UnsafeArchive: (400, "The archive is not safe to unpack", "压缩包不安全"),
        errors.TooLarge: (413, "Too large", "内容过大"),
        errors.NotFound: (404, "Not found", "未找到"),
        errors.Refused: (403, "Not allowed", "不允许的操作"),
        errors.NotSignedIn: (401, "Sign in first", "请先登录"),
        errors.NotAllowed: (403, "Not allowed", "没有权限"),
        errors.WrongOrigin: (403, "The request came from another site", "请求来自其他网站"),
        errors.TooManyAttempts: (429, "Too many attempts", "操作过于频繁"),
        errors.Conflict: (409, "It disagrees with what is stored", "与已有记录冲突"),
        errors.ContentDiffers: (409, "The same id was sent with other content", "同一标识的内容不一致"),
        errors.IdentifierTaken: (409, "The id is taken", "标识已被占用"),
        errors.DuplicateCode: (409, "The code is taken", "编号已被占用"),
        errors.AlreadyEnded: (409, "The record has ended", "记录已失效"),
        errors.JobState: (409, "The job is not in that state", "任务状态不允许"),
        errors.ForeignFiles: (409, "The files belong to another store", "文件属于另一套数据库"),
        errors.ImportRejected: (409, "The import was rejected", "导入被拒绝"),
        errors.VersionMismatch: (412, "The record was changed meanwhile", "记录已被他人修改"),
        errors.VersionRequired: (428, "If-Match is missing", "缺少版本号"),
        errors.StoreProblem: (503, "The store cannot be used now", "数据库暂不可用"),
        errors.StoreFull: (507, "No room is left", "存储空间不足"),
        errors.StoreReadOnly: (503, "The store is read-only now", "数据库当前只读"),
        errors.ArchiveProblem: (500, "The backup cannot be used", "备份无法使用"),
        errors.ConfigurationProblem: (500, "The service is set up wrongly", "服务配置有误"),
    }
)
# What the framework refuses before a route is reached.
_PLAIN: Final = MappingProxyType(
    {
        400: ("bad-request", "The request cannot be read", "请求无法解析"),
        404: ("no-route", "There is nothing at this address", "地址不存在"),
        408: ("too-slow", "The request did not arrive in time", "请求未及时送达"),
        405: ("method-not-allowed", "This address does not take that method", "不支持的请求方式"),
        413: ("too-large", "Too large", "内容过大"),
        414: ("address-too-long", "The address is too long", "地址过长"),
        503: ("too-busy", "The service is too busy now", "服务繁忙"),
        422: ("invalid-parameter", "A parameter cannot be used", "参数有误"),
    }
)
_HINTS: Final = MappingProxyType(
    {
        404: "There is nothing at this address; /docs lists what there is.",
        405: "This address does not take that method; the header Allow names those it takes.",
        408: "The request was not complete in time; send it again.",
        413: "The body is larger than this address takes; send less at once.",
        400: "The request could not be read; check its body and headers.",
    }
)
# Details of these would tell a stranger about the machine.
_SILENT: Final = (errors.ConfigurationProblem,)
HEADERS: Final = MappingProxyType({"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"})
RETRY_AFTER_S: Final = 2
MENDED_AFTER_S: Final = 30  # somebody has to make room or mount a disk for writing first


def row_of(error: GridgovError) -> tuple[int, str, str]:
    """Status, title and Chinese title of an error, from the nearest type in the table."""
    for kind in type(error).__mro__:
        if kind in STATUSES:
            return STATUSES[kind]
    raise AssertionError("every GridgovError has GridgovError above it")


def slug(name: str) -> str:
    """A type name as the last part of a problem type: InvalidGeometry → invalid-geometry."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()


def problem(
    request: Request,
    status: int,
    kind: str,
    titles: tuple[str, str],
    detail: str,
    details: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A problem-details answer (RFC 9457); `kind` is the last part of its type.

    A browser that opens an address of a page gets the same as a page to read.
    """
    if _reads_pages(request):
        content = rooted(problem_page(Words(titles[1], titles[0]), detail, "/"), _root(request))
        policy = {"Content-Security-Policy": PAGE_POLICY}
        return Response(content, status, {**HEADERS, **policy, **(headers or {})}, "text/html; charset=utf-8")
    body = {
        "type": f"urn:gridgov:problem:{kind}",
        "title": titles[0],
        "title_zh": titles[1],
        "status": status,
        "detail": detail,
        "instance": request.url.path,
        "details": dict(details or {}),
    }
    content = orjson.dumps(body, default=str, option=orjson.OPT_NON_STR_KEYS | orjson.OPT_UTC_Z)
    return Response(content, status, {**HEADERS, **(headers or {})}, MEDIA_TYPE)


def _root(request: Request) -> str:
    """Below which path people see the service."""
    return str(request.app.state.root) if "app" in request.scope else ""


def _reads_pages(request: Request) -> bool:
    """Whether a person opened this address in a browser, and not a program or a page's own script."""
    path = request.url.path.removeprefix(request.scope.get("root_path", ""))
    return (
        request.method == "GET"
        and "text/html" in request.headers.get("accept", "")
        and not path.startswith(
            ("/api/", "/openapi.json", "/assets/", "/healthz", "/livez", "/readyz", "/metrics")
        )
    )


def answer_gridgov(request: Request, error: Exception) -> Response:
    """Our own errors, by the table."""
    if not isinstance(error, GridgovError):
        return answer_unknown(request, error)
    status, title, title_zh = row_of(error)
    if status >= 500:
        _tell(error)
    if status == 500 or isinstance(error, _SILENT):
        return answer_unknown(request, error)
    headers: dict[str, str] = {}
    if status in (429, 503, 507):
        headers["Retry-After"] = str(max(1, int(error.details.get("retry_after", RETRY_AFTER_S))))
    if status == 401:
        headers["WWW-Authenticate"] = (
            'Bearer realm="gridgov", error="invalid_token"'
            if error.details.get("scheme") == "bearer"
            else 'Cookie realm="gridgov"'
        )
    if status == 412 and "version" in error.details:
        headers["ETag"] = f'"{error.details["version"]}"'
    return problem(
        request, status, slug(type(error).__name__), (title, title_zh), error.message, error.details, headers
    )


def answer_http(request: Request, error: Exception) -> Response:
    """What the framework refuses: no such route, wrong method, a body that is too large or cannot be parsed."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    kind, title, title_zh = _PLAIN.get(status, ("refused", "The request was refused", "请求被拒绝"))
    headers = getattr(error, "headers", None)
    return problem(request, status, kind, (title, title_zh), _HINTS.get(status, title), None, headers)


def answer_validation(request: Request, error: Exception) -> Response:
    """Parameters that do not have the declared form, each named with what is wrong."""
    faults = []
    for each in error.errors() if isinstance(error, RequestValidationError) else ():
        place, *names = (str(part) for part in each["loc"])
        faults.append({"in": place, "name": ".".join(names), "problem": each["msg"]})
    told = "; ".join(f"{each['in']} “{each['name']}”: {each['problem']}" for each in faults)
    kind, title, title_zh = _PLAIN[422]
    return problem(request, 422, kind, (title, title_zh), f"Mend {told}.", {"faults": faults})


def answer_machine(request: Request, error: Exception) -> Response:
    """What the machine lacks for the service's own files (an upload on its way, a page): room, rights, handles."""
    number = error.errno if isinstance(error, OSError) else None
    if number in (errno.ENOSPC, errno.EDQUOT):
        words = "No room is left on the service's disk and nothing of this was kept; make room, then send it again."
        return answer_gridgov(request, errors.StoreFull(words, retry_after=MENDED_AFTER_S))
    if number in (errno.EROFS, errno.EACCES, errno.EPERM):
        words = "The service's own files or their disk are read-only now; nothing of this was kept."
        return answer_gridgov(request, errors.StoreReadOnly(words, retry_after=MENDED_AFTER_S))
    if number in (errno.EMFILE, errno.ENFILE, errno.ENOMEM):
        words = "The service has no file handles or memory left now; try again in a moment."
        return answer_gridgov(request, errors.StoreUnavailable(words, retry_after=RETRY_AFTER_S))
    return answer_unknown(request, error)


def answer_unknown(request: Request, error: Exception) -> Response:
    """A fault of ours: the log has everything, the answer only the incident number."""
    incident = secrets.token_hex(6)
    watch = CURRENT.get()
    if watch is not None:
        watch.incident = incident
    LOG.error("incident %s", incident, exc_info=error, extra={"facts": {"incident": incident}})
    status, title, title_zh = STATUSES[GridgovError]
    detail = f"Something went wrong here, not with you. Tell the operator the incident number {incident}."
    return problem(request, status, "internal", (title, title_zh), detail, {"incident": incident})


def answer_gone(request: Request, _: Exception) -> Response:
    """The client went away, or was sent away, before its body was there: nobody reads this answer."""
    return _plain(request, 408, _HINTS[408])


def address_too_long(request: Request, limit: int) -> Response:
    """The answer to a query that is longer than anything gridgov reads."""
    return _plain(request, 414, f"The part of the address after ? may have at most {limit} bytes.")


def too_busy(request: Request) -> Response:
    """The answer to a request that comes while too many are under way."""
    return _plain(
        request,
        503,
        "Too many requests are under way; try again in a moment.",
        {"Retry-After": str(RETRY_AFTER_S)},
    )


def _plain(request: Request, status: int, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    kind, *titles = _PLAIN[status]
    return problem(request, status, kind, (titles[0], titles[1]), detail, None, headers)


def _tell(error: GridgovError) -> None:
    """Log a fault that the operator can mend. What only a store or the settings said holds nobody's data."""
    speaks = isinstance(error, (errors.StoreProblem, errors.ConfigurationProblem))
    facts = {"problem": type(error).__name__, **({"told": error.message} if speaks else {})}
    LOG.warning("the service could not serve", extra={"facts": facts})


def install(app: FastAPI) -> None:
    """Give the app its answers to errors."""
    app.add_exception_handler(GridgovError, answer_gridgov)
    app.add_exception_handler(HTTPException, answer_http)
    app.add_exception_handler(RequestValidationError, answer_validation)
    app.add_exception_handler(ClientDisconnect, answer_gone)
    app.add_exception_handler(OSError, answer_machine)
    app.add_exception_handler(Exception, answer_unknown)
