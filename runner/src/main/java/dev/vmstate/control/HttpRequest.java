package dev.vmstate.control;

/**
 * One request, whole.
 *
 * @param method as it was sent; methods are case-sensitive
 * @param path without scheme and host, with a query if there was one
 * @param body empty when there was none
 * @param last the client wants the connection closed behind it
 */
record HttpRequest(String method, String path, String body, boolean last) {}
