"""The web server of the tests of WebDownload: runs in the instance. Arguments: folder, file for the port, file for the port of https."""
import http.server, os, ssl, sys, threading

CONTENT = b'the content\n'
asked = {}


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        name = self.path.split('?')[0].rsplit('/', 1)[-1]
        asked[name] = asked.get(name, 0) + 1
        if name == 'moved.txt':
            self.answer(302, b'', {'Location': '/folder/file.txt'})
        elif name == 'around.txt':
            self.answer(302, b'', {'Location': '/around.txt'})
        elif name == 'local.txt':
            self.answer(302, b'', {'Location': 'file:///etc/hostname'})
        elif name == 'flaky.txt' and asked[name] < 3:
            self.answer(503, b'busy')
        elif name == 'none.txt':
            self.answer(404, b'no such page')
        elif name == 'created.txt':
            self.answer(201, CONTENT)
        elif name == 'huge.txt':
            self.answer(200, CONTENT, {'Content-Length': str(1 << 60)})
        elif self.path.startswith('http://'):
            self.answer(200, b'by the proxy: ' + self.path.encode() + b'\n')
        else:
            self.answer(200, CONTENT)

    def answer(self, status, body, headers={}):
        self.send_response(status)
        for key, value in {'Content-Length': str(len(body)), **headers}.items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def serve(port_file, secure):
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
    if secure:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(os.path.join(sys.argv[1], 'cert.pem'), os.path.join(sys.argv[1], 'key.pem'))
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever).start()
    with open(port_file + '.new', 'w') as file:
        file.write(str(server.server_address[1]))
    os.rename(port_file + '.new', port_file)


serve(sys.argv[2], False)
serve(sys.argv[3], True)
