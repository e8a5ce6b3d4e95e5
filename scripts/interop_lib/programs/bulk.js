// A Node.js server that takes and gives a lot: it keeps the hash and the size, never the data.
'use strict';
const http = require('http');
const crypto = require('crypto');

const PIECE = crypto.randomBytes(1 << 20);

function take(request, response) {
  const hash = crypto.createHash('sha256');
  let size = 0;
  request.on('data', (data) => { hash.update(data); size += data.length; });
  request.on('end', () => {
    const framing = request.headers['transfer-encoding'] || 'length';
    response.end(JSON.stringify({ size, sum: hash.digest('hex'), framing }));
  });
}

// /give/<bytes>/<length or chunked>: noise in which no two pieces are the same. Its hash is asked
// for afterwards, by any other path.
let last = '';
async function give(request, response) {
  const [, , size, framing] = request.url.split('/');
  const hash = crypto.createHash('sha256');
  if (framing === 'length') response.setHeader('Content-Length', size);
  for (let sent = 0; sent < Number(size); sent += PIECE.length) {
    const piece = Buffer.from(PIECE);
    piece.writeBigUInt64LE(BigInt(sent));
    hash.update(piece);
    if (!response.write(piece)) await new Promise((resolve) => response.once('drain', resolve));
  }
  last = hash.digest('hex');
  response.end();
}

http.createServer((request, response) => {
  if (request.url.startsWith('/take')) return take(request, response);
  if (request.url.startsWith('/give')) return give(request, response);
  return response.end(last);
}).listen(Number(process.argv[2]), '127.0.0.1');
