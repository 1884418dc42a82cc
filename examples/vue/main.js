import { createApp, h, ref } from 'vue';
import { useRoom } from './useRoom.js';

const App = {
  setup() {
    const received = ref([]);
    const progress = ref('');
    const view = useRoom('/signal', location.hash.slice(1), async ({ offer }) => {
      const { files } = await offer.accept().done;
      received.value = [...received.value, ...files.map(({ name, blob }) => ({ name, address: URL.createObjectURL(blob) }))];
    });

    const send = async ({ target }) => {
      const transfer = view.room.send([...target.files]);
      transfer.addEventListener('progress', ({ bytes, totalBytes }) => (progress.value = `${bytes} of ${totalBytes} bytes`));
      await transfer.done.then(() => (progress.value = 'Stored at the other side, and checked.'), ({ message }) => (progress.value = message));
    };

    return () => [
      h('p', view.room ? [h('a', { href: `#${view.room.invite}`, target: '_blank', rel: 'opener' }, 'Open this link in another window.')] : []),
      h('p', { class: 'state' }, view.error ? view.error.message : view.state),
      h('input', { type: 'file', multiple: true, disabled: view.state !== 'connected', onChange: send }),
      h('output', progress.value),
      h('ul', received.value.map(({ name, address }) => h('li', { key: address }, [h('a', { href: address, download: name }, name)]))),
    ];
  },
};

createApp(App).mount('main');
