// A Node.js server with one path for each thing that frameworks do beyond plain responses.
'use strict';
const http = require('http');
const crypto = require('crypto');

let connections = 0;

// Pieces of many sizes with pauses in between, then trailers over all of them.
async function stream(request, response) {
  const hash = crypto.createHash('sha256');
  response.writeHead(200, { Trailer: 'X-Sum, X-Pieces' });
  const sizes = [1, 10, 1000, 16384, 65536, 3, 200000, 7];
  for (const [index, size] of sizes.entries()) {
    const piece = Buffer.alloc(size, 65 + index);
    hash.update(piece);
    if (!response.write(piece)) await new Promise((resolve) => response.once('drain', resolve));
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  response.addTrailers({ 'X-Sum': hash.digest('hex'), 'X-Pieces': String(sizes.length) });
  response.end();
}

// Server-sent events; each says when it was sent.
function events(request, response) {
  response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
  let count = 0;
  const timer = setInterval(() => {
    response.write(`data: {"number":${count},"sent":${Date.now()}}\n\n`);
    count += 1;
    if (count === 8) {
      clearInterval(timer);
      response.end();
    }
  }, 150);
}

function body(request, then) {
  const pieces = [];
  request.on('data', (piece) => pieces.push(piece));
  request.on('end', () => then(Buffer.concat(pieces)));
}

function echo(request, response) {
  body(request, (data) => {
    response.writeHead(200, {
      'Content-Type': request.headers['content-type'] || 'application/octet-stream',
      'Content-Length': data.length,
      'X-Method': request.method,
      'X-Framing': request.headers['transfer-encoding'] || request.headers['content-length'] || '',
    });
    response.end(data);
  });
}

function digest(request, response) {
  body(request, (data) => {
    const sum = crypto.createHash('sha256').update(data).digest('hex');
    response.setHeader('Content-Type', 'application/json');
    response.end(JSON.stringify({ method: request.method, length: data.length, sum }));
  });
}

function hints(request, response) {
  const link = ['</style.css>; rel=preload; as=style', '</app.js>; rel=preload'];
  response.writeEarlyHints({ link });
  setTimeout(() => response.end('after the hints\n'), 100);
}

function cookies(request, response) {
  response.setHeader('Set-Cookie', ['a=1; Path=/', 'b="two"; HttpOnly', 'c=; Max-Age=0']);
  response.setHeader('X-Latin', 'caf\u00e9');
  response.setHeader('X-Empty', '');
  response.setHeader('X-Long', 'x'.repeat(12000));
  response.end('cookies\n');
}

function status(request, response) {
  response.writeHead(Number(request.url.split('/')[2]), { 'X-Why': 'asked for' });
  response.end();
}

function statistics(request, response) {
  response.end(JSON.stringify({ connections }));
}

const routes = { stream, events, echo, digest, hints, cookies, status, statistics };

function serve(request, response) {
  const route = routes[request.url.split(/[/?]/)[1]];
  if (route) return route(request, response);
  response.statusCode = 404;
  return response.end('no such path\n');
}

const server = http.createServer(serve);
server.on('connection', () => { connections += 1; });
// Without this listener Node.js says 100 Continue by itself; with it, a request can be refused.
server.on('checkContinue', (request, response) => {
  if (request.url.startsWith('/refuse')) {
    response.writeHead(403, { 'Content-Type': 'text/plain', Connection: 'close' });
    return response.end('not here\n');
  }
  response.writeContinue();
  return serve(request, response);
});
server.listen(Number(process.argv[2]), '127.0.0.1');
