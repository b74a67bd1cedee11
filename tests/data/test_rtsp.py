"""A stream of a camera: an RTSP server on loopback, by GStreamer of the operating system."""

import subprocess
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from corrosion.data.live import LiveSource

SYSTEM_PYTHON = "/usr/bin/python3"  # its GStreamer comes by apt, not by pip
SERVER = """
import sys
import gi
gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer
Gst.init(None)
server = GstRtspServer.RTSPServer()
server.set_address("127.0.0.1")
server.set_service(sys.argv[1])
factory = GstRtspServer.RTSPMediaFactory()
factory.set_launch("( videotestsrc is-live=true pattern=red ! video/x-raw,format=I420,"
                   "width=320,height=240,framerate=15/1 ! jpegenc ! rtpjpegpay name=pay0 pt=26 )")
factory.set_shared(True)
server.get_mount_points().add_factory("/camera", factory)
server.attach(None)
print(server.get_bound_port(), flush=True)
GLib.MainLoop().run()
"""


needs_server = pytest.mark.skipif(
    not any(Path("/usr/lib").glob("*/girepository-1.0/GstRtspServer-1.0.typelib")),
    reason="there is no RTSP server: apt-get install python3-gi gir1.2-gst-rtsp-server-1.0 "
    "gstreamer1.0-plugins-good",
)


@contextmanager
def camera(port="0"):
    """The port of a server whose camera sees red."""
    process = subprocess.Popen(
        [SYSTEM_PYTHON, "-c", SERVER, port], stdout=subprocess.PIPE, text=True
    )
    try:
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()


@needs_server
def test_a_stream_is_followed_and_found_again_after_it_was_gone():
    with ExitStack() as held:
        with camera() as port:
            address = f"rtsp://user:secret@127.0.0.1:{port}/camera"
            source = held.enter_context(LiveSource(address))
            frame = source.newest(3, 60)
            assert frame is not None
            assert frame.image.shape == (240, 320, 3)
            red, green, blue = frame.image[120, 160].tolist()
            assert red > 200 > 50 > max(green, blue)
        with camera(port):
            again = source.newest(frame.number + 100, 120)
            assert again is not None
            assert source.connections == 2
